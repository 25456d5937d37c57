#include "core/agent/check_run.h"

#include "core/base/schema.h"

static struct list copy_strs(struct arena *a, struct list l)
{
	struct slice *to = l.n ? ARENA_ARRAY(a, struct slice, l.n) : NULL;
	const struct slice *from = l.items;
	for (uint32_t i = 0; to && i < l.n; i++)
		to[i] = arena_copy(a, from[i]);
	return (struct list){to, to ? l.n : 0};
}

static struct list copy_header(struct arena *a, struct list l)
{
	struct named_strs *to = l.n ? ARENA_ARRAY(a, struct named_strs, l.n) : NULL;
	const struct named_strs *from = l.items;
	for (uint32_t i = 0; to && i < l.n; i++)
		to[i] = (struct named_strs){arena_copy(a, from[i].key), copy_strs(a, from[i].strs)};
	return (struct list){to, to ? l.n : 0};
}

void check_run_copy(struct check_run *to, const struct check_run *from, struct arena *a)
{
	*to = *from;
	struct slice *const texts[] = {&to->id, &to->script, &to->shell, &to->docker_container_id, &to->http,
	        &to->method, &to->tcp, &to->user_agent};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = arena_copy(a, *texts[i]);
	to->script_args = copy_strs(a, from->script_args);
	to->header = copy_header(a, from->header);
}
