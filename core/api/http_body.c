#include "core/api/http.h"

#include "core/base/json.h"
#include "core/base/num.h"
#include "core/base/slice.h"

enum err http_body_value(struct http_call *hc, struct value *out, struct fail *f)
{
	struct slice rest, cut = hc->r->body_cut;
	enum err e = json_read_first(hc->r->body, &hc->api->arena, out, &rest, f);
	if (e && cut.n && slice_ends(slice_of(f->text), S("EOF"))) /* the decoder ran into what ended the body */
		fail_set(f, e, "%.*s", PS(cut));
	return e ? e : value_numbers_check(out, f);
}

enum err http_durations(struct http_call *hc, struct value *body, const char *const *names, size_t n, struct fail *f)
{
	struct value_walk w;
	enum err e = OK;
	value_walk_begin(&w, body);
	for (enum walk_step step; !e && (step = value_walk_next(&w)) != WALK_END;) {
		bool known = false;
		for (size_t i = 0; i < n && step == WALK_LEAF && w.v->type == V_STRING && w.key; i++)
			known |= slice_eq_fold(*w.key, slice_of(names[i]));
		if (!known)
			continue;
		dur_ns d;
		e = dur_parse(w.v->text, &d, f);
		struct value *v = (struct value *)(uintptr_t)w.v; /* the walk only looks; the tree is ours */
		v->type = V_NUMBER;
		v->text = arena_str(&hc->api->arena, "%lld", (long long)d);
	}
	if (w.failed)
		e = fail_set(f, ERR_NO_MEMORY, "out of memory");
	value_walk_end(&w);
	return e;
}
