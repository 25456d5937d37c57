/* What the writer let go of: see retire.h. */
#include "store/retire.h"

#include "core/base/must.h"

enum {
	KIND_BITS = 3,
	TREE_BITS = 8,
	FIRST_CAP = 64,
	IDLE_CAP = 8192, /* an empty queue gives back what is larger */
};

void retired_init(struct retired *r, struct slab *slab)
{
	*r = (struct retired){.slab = slab, .base = 1};
}

void retired_free(struct retired *r)
{
	slab_array(r->slab, r->q, r->cap * sizeof *r->q, 0);
	slab_array(r->slab, r->held, r->held_cap * sizeof *r->held, 0);
}

static size_t piece_weight(struct retired_piece p)
{
	switch (piece_kind(p)) {
	case RETIRED_ITEM: return ((const struct item *)piece_address(p))->size;
	case RETIRED_BRANCH: return branch_size(piece_address(p));
	case RETIRED_TREE: return p.more >> TREE_BITS;
	case RETIRED_ROOT: return p.more;
	case RETIRED_BATCH: return 0;
	}
	return 0;
}

/* ---- letting go ---- */

bool retired_room(struct retired *r, size_t n)
{
	n++; /* the batch's own piece */
	if (r->cap - r->tail >= n)
		return true;
	if (r->head > r->cap / 2) {
		memmove(r->q, r->q + r->head, (r->tail - r->head) * sizeof *r->q);
		r->base += r->head;
		r->tail -= r->head;
		r->head = 0;
	}
	size_t cap = r->cap ? r->cap : FIRST_CAP;
	while (cap - r->tail < n)
		cap *= 2;
	if (cap == r->cap)
		return true;
	void *q = slab_array(r->slab, r->q, r->cap * sizeof *r->q, cap * sizeof *r->q);
	if (!q)
		return false;
	r->q = q;
	r->cap = cap;
	return true;
}

static void retired_add(struct retired *r, uint64_t version, struct retired_piece p)
{
	if (!r->open) {
		MUST(r->tail < r->cap);
		r->open = r->base + r->tail;
		r->q[r->tail++] = (struct retired_piece){.what = version << KIND_BITS | RETIRED_BATCH};
	}
	MUST(r->tail < r->cap);
	r->q[r->tail++] = p;
	r->bytes += piece_weight(p);
}

void retired_item(struct retired *r, uint64_t version, const struct item *it, uint8_t tree)
{
	retired_add(r, version, (struct retired_piece){.what = (uintptr_t)it | RETIRED_ITEM, .more = tree});
}

void retired_branch(struct retired *r, uint64_t version, struct branch *b)
{
	retired_add(r, version, (struct retired_piece){.what = (uintptr_t)b | RETIRED_BRANCH});
}

void retired_tree(struct retired *r, uint64_t version, twig t, uint8_t tree, size_t weight)
{
	if (!twig_is_branch(t)) {
		retired_item(r, version, twig_item(t), tree);
		return;
	}
	uint64_t more = (uint64_t)weight << TREE_BITS | tree;
	retired_add(r, version, (struct retired_piece){.what = (uintptr_t)twig_branch(t) | RETIRED_TREE, .more = more});
}

void retired_root(struct retired *r, uint64_t version, void *root, size_t size)
{
	retired_add(r, version, (struct retired_piece){.what = (uintptr_t)root | RETIRED_ROOT, .more = size});
}

size_t retired_mark(const struct retired *r)
{
	return r->base + r->tail;
}

bool retired_undo(struct retired *r, size_t mark, struct retired_piece *out)
{
	MUST(mark >= r->base + r->head);
	if (r->base + r->tail == mark) {
		if (r->open >= mark)
			r->open = 0;
		return false;
	}
	*out = r->q[--r->tail];
	r->bytes -= piece_weight(*out);
	return true;
}

size_t retired_close(struct retired *r, uint64_t epoch)
{
	MUST(epoch);
	if (!r->open)
		return 0;
	size_t n = r->base + r->tail - r->open;
	r->q[r->open - r->base].more = epoch;
	r->open = 0;
	return n;
}

/* ---- freeing ---- */

static void branch_doom(struct retired *r, struct branch *b)
{
	b->made = (uintptr_t)r->doomed;
	r->doomed = b;
}

/* Frees one doomed branch and the items on it; its branches are next. How many pieces. */
static size_t doomed_free(struct retired *r)
{
	struct branch *b = r->doomed;
	unsigned n = b->n;
	r->doomed = (struct branch *)(uintptr_t)b->made;
	for (unsigned i = 0; i < n; i++) {
		if (twig_is_branch(b->twigs[i]))
			branch_doom(r, twig_branch(b->twigs[i]));
		else
			slab_free(r->slab, twig_item(b->twigs[i]), twig_item(b->twigs[i])->size);
	}
	slab_free(r->slab, b, branch_size(b));
	return n;
}

static void piece_free(struct retired *r, struct retired_piece p)
{
	size_t weight = piece_weight(p);
	r->bytes -= weight;
	if (piece_kind(p) == RETIRED_TREE)
		branch_doom(r, piece_address(p));
	else
		slab_free(r->slab, piece_address(p), weight);
}

static bool piece_pinned(struct retired_piece p, uint64_t version, retired_pinned *pinned, const void *ctx)
{
	return pinned && pinned(ctx, piece_kind(p), piece_address(p), (uint8_t)p.more, version);
}

static bool held_add(struct retired *r, struct retired_piece p)
{
	if (r->held_n == r->held_cap) {
		size_t cap = r->held_cap ? r->held_cap * 2 : FIRST_CAP;
		void *held = slab_array(r->slab, r->held, r->held_cap * sizeof *r->held, cap * sizeof *r->held);
		if (!held)
			return false;
		r->held = held;
		r->held_cap = cap;
	}
	r->held[r->held_n++] = (struct held_piece){p, r->version};
	return true;
}

static void held_check(struct retired *r, retired_pinned *pinned, const void *ctx)
{
	struct held_piece h = r->held[r->check++];
	if (piece_pinned(h.piece, h.version, pinned, ctx))
		r->held[r->kept++] = h;
	else
		piece_free(r, h.piece);
	if (r->check < r->held_n)
		return;
	r->check = r->held_n = r->kept;
	if (!r->held_n) {
		slab_array(r->slab, r->held, r->held_cap * sizeof *r->held, 0);
		r->held = NULL;
		r->held_cap = 0;
	}
}

void retired_unpinned(struct retired *r)
{
	size_t start = r->check - r->kept;
	if (r->kept)
		memmove(r->held + start, r->held, r->kept * sizeof *r->held);
	r->check = start;
	r->kept = 0;
}

/* False when the next piece has to stay where it is for now. */
static bool queue_take(struct retired *r, uint64_t safe, retired_pinned *pinned, const void *ctx)
{
	struct retired_piece p = r->q[r->head];
	if (piece_kind(p) == RETIRED_BATCH) {
		if (!p.more || p.more > safe)
			return false;
		r->version = p.what >> KIND_BITS;
	} else if (!piece_pinned(p, r->version, pinned, ctx)) {
		piece_free(r, p);
	} else if (!held_add(r, p)) {
		return false;
	}
	r->head++;
	return true;
}

static void queue_shrink(struct retired *r)
{
	if (r->head < r->tail)
		return;
	r->base += r->head;
	r->head = r->tail = 0;
	if (r->cap <= IDLE_CAP)
		return;
	void *q = slab_array(r->slab, r->q, r->cap * sizeof *r->q, IDLE_CAP * sizeof *r->q);
	if (!q)
		return;
	r->q = q;
	r->cap = IDLE_CAP;
}

bool retired_reclaim(struct retired *r, uint64_t safe, size_t budget, retired_pinned *pinned, const void *ctx)
{
	size_t done = 0;
	for (; done < budget; done++) {
		if (r->doomed)
			done += doomed_free(r);
		else if (r->check < r->held_n)
			held_check(r, pinned, ctx);
		else if (r->head == r->tail || !queue_take(r, safe, pinned, ctx))
			break;
	}
	queue_shrink(r);
	return done >= budget;
}
