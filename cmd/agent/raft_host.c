#include "cmd/agent/raft_host.h"

#include <stdlib.h>

#include "cmd/agent/raft_incoming.h"
#include "cmd/agent/raft_link.h"
#include "core/agent/servers.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/raft/raft_wire.h"
#include "core/state/archive.h"

enum { LINKS_MAX = 3 * 64, PIECE = 64 << 10 };

/* A snapshot on its way to a peer, until its bytes are there. */
struct making {
	struct making *next;
	struct raft_host *host;
	char peer[RAFT_LINK_PEER_MAX + 1], address[ADDRESS_TEXT];
	uint64_t tag;
	struct buf head;
	const struct db_root *root;
	pthread_t thread;
	bool has_thread;
	atomic_bool finished;
	struct raft_spool spool;
	struct fail fail;
};

/* A connection on its way from a front. */
struct arrival {
	struct arrival *next;
	struct stream stream;
};

struct raft_host {
	struct process *process;
	struct rpc_tls_to tls_to; /* of the link that is being dialled */
	struct raft_link_host links_host;
	struct raft_link *links[LINKS_MAX];
	unsigned links_n;
	struct raft_incoming *inbound;
	struct making *making;
	_Atomic(struct arrival *) arrived;
};

static int spool_dir(const struct process *p)
{
	return p->disk.fd > 0 ? p->disk.fd : -1;
}

/* What the peer's tags say of TLS is in the world that we published last; one that gossip does not know yet gets none,
 * unless everybody does. */
static void dial_how(void *process, struct slice address, struct dial_settings *set)
{
	struct process *p = process;
	const struct world *w = atomic_load(&p->world);
	const struct server *s = w ? server_by_address(w->db, address) : NULL;
	set->from = p->rpc_tls.source;
	set->tls = rpc_tls_to(&p->rpc_tls, p->config->datacenter, s && s->use_tls, &p->raft->tls_to);
	set->tls_byte = RPC_TLS_BYTE;
}

struct raft_host *raft_host_new(struct process *p, void (*event)(void *process, struct event *ev), struct fail *f)
{
	struct raft_host *h = calloc(1, sizeof *h);
	const struct raft_incoming_host in = {
	        .loop = &p->core_loop, .log = &p->core_log, .spool_dir = spool_dir(p), .owner = p, .event = event};
	if (h)
		h->inbound = raft_incoming_new(&in);
	if (!h || !h->inbound) {
		free(h);
		fail_set(f, ERR_NO_MEMORY, "no memory for Raft");
		return NULL;
	}
	h->process = p;
	h->links_host = (struct raft_link_host){
	        .loop = &p->core_loop, .log = &p->core_log, .owner = p, .how = dial_how, .event = event};
	return h;
}

/* ---- links ---- */

static struct raft_link *link_to(struct raft_host *h, struct slice peer, uint8_t channel)
{
	for (unsigned i = 0; i < h->links_n; i++)
		if (raft_link_is(h->links[i], peer, channel))
			return h->links[i];
	struct raft_link *l = h->links_n < LINKS_MAX ? raft_link_new(&h->links_host, peer, channel) : NULL;
	if (l)
		h->links[h->links_n++] = l;
	return l;
}

static void drop(struct raft_host *h, struct slice peer)
{
	for (unsigned i = 0; i < h->links_n;) {
		if (raft_link_is_to(h->links[i], peer)) {
			raft_link_free(h->links[i]);
			h->links[i] = h->links[--h->links_n];
		} else {
			i++;
		}
	}
}

/* ---- snapshots for peers ---- */

static enum err archive(struct making *m)
{
	struct archive_writer from;
	struct buf piece = {0};
	bool more = true;
	enum err e = raft_spool_open(&m->spool, spool_dir(m->host->process), &m->fail);
	archive_write_begin(&from, m->root, ARCHIVE_WHOLE);
	while (more && !e) {
		buf_reset(&piece, 2 * PIECE);
		more = archive_write_next(&from, &piece, PIECE);
		e = piece.failed ? fail_set(&m->fail, ERR_NO_MEMORY, "out of memory")
		                 : raft_spool_write(&m->spool, buf_view(&piece), &m->fail);
	}
	archive_write_end(&from);
	buf_free(&piece);
	return e;
}

static void *make(void *making)
{
	struct making *m = making;
	archive(m);
	atomic_store(&m->finished, true);
	bell_ring(&m->host->process->core_bell);
	return NULL;
}

static void install(struct raft_host *h, const struct effect *e)
{
	struct making *m = calloc(1, sizeof *m);
	MUST(m);
	m->host = h;
	m->tag = e->raft.tag;
	m->spool.fd = -1;
	slice_cstr(e->raft.peer, m->peer, sizeof m->peer);
	slice_cstr(e->raft.address, m->address, sizeof m->address);
	buf_slice(&m->head, e->raft.bytes);
	m->next = h->making;
	h->making = m;
	m->root = db_pin(core_db(h->process->core));
	m->has_thread = m->root && !m->head.failed && !pthread_create(&m->thread, NULL, make, m);
	if (m->has_thread)
		return;
	fail_set(&m->fail, ERR_NO_MEMORY, "no thread or no pin for it");
	atomic_store(&m->finished, true);
}

static void making_free(struct making *m)
{
	if (m->has_thread)
		pthread_join(m->thread, NULL);
	if (m->root)
		db_unpin(core_db(m->host->process->core), m->root);
	raft_spool_close(&m->spool);
	buf_free(&m->head);
	free(m);
}

static void send_made(struct raft_host *h, struct making *m)
{
	struct buf head = {0};
	struct raft_link *l = link_to(h, slice_of(m->peer), RAFT_INSTALL);
	if (m->fail.code)
		log_err(&h->process->core_log, "raft: Failed to make a snapshot for %s: %s", m->peer, m->fail.text);
	if (!l)
		return;
	if (m->fail.code || !raft_wire_sized(buf_view(&m->head), (int64_t)m->spool.written, &head))
		raft_link_fail(l);
	else
		raft_link_install(l, slice_of(m->address), m->tag, buf_view(&head), &m->spool);
	buf_free(&head);
}

static void take_made(struct raft_host *h)
{
	for (struct making **at = &h->making; *at;) {
		struct making *m = *at;
		if (!atomic_load(&m->finished)) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		send_made(h, m);
		making_free(m);
	}
}

/* ---- arrivals ---- */

bool raft_host_arrived(struct raft_host *h, const struct stream *s)
{
	struct arrival *a = malloc(sizeof *a);
	if (!a)
		return false;
	a->stream = *s;
	a->next = atomic_load(&h->arrived);
	while (!atomic_compare_exchange_weak(&h->arrived, &a->next, a))
		;
	bell_ring(&h->process->core_bell);
	return true;
}

static void take_arrived(struct raft_host *h)
{
	struct arrival *a = atomic_load(&h->arrived) ? atomic_exchange(&h->arrived, NULL) : NULL;
	for (struct arrival *next; a; a = next) {
		next = a->next;
		raft_incoming_take(h->inbound, &a->stream);
		free(a);
	}
}

/* ---- the face ---- */

void raft_host_carry_out(struct raft_host *h, const struct effect *e)
{
	struct raft_link *l;
	switch (e->kind) {
	case EFF_RAFT_SEND:
		l = link_to(h, e->raft.peer, e->raft.channel);
		if (l)
			raft_link_send(l, e->raft.address, e->raft.tag, e->raft.bytes);
		break;
	case EFF_RAFT_ANSWER: raft_incoming_answer(h->inbound, e->raft.conn, e->raft.bytes); break;
	case EFF_RAFT_INSTALL: install(h, e); break;
	case EFF_RAFT_DROP: drop(h, e->raft.peer); break;
	default: MUST(!"a Raft effect");
	}
}

void raft_host_turn(struct raft_host *h)
{
	take_arrived(h);
	take_made(h);
}

void raft_host_free(struct raft_host *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < h->links_n; i++)
		raft_link_free(h->links[i]);
	for (struct making *m = h->making, *next; m; m = next) {
		next = m->next;
		making_free(m);
	}
	for (struct arrival *a = atomic_load(&h->arrived), *next; a; a = next) {
		next = a->next;
		stream_close(&a->stream);
		free(a);
	}
	raft_incoming_free(h->inbound);
	free(h);
}
