#include "core/base/value.h"

#include "core/base/num.h"
#include "core/base/slice.h"

const struct value *value_get(const struct value *v, struct slice key)
{
	if (!v || v->type != V_OBJECT)
		return NULL;
	for (uint32_t i = v->n; i-- > 0;)
		if (slice_eq(v->entries[i].key, key))
			return &v->entries[i].val;
	return NULL;
}

const struct value *value_get_fold(const struct value *v, struct slice key)
{
	const struct value *exact = value_get(v, key);
	if (exact || !v || v->type != V_OBJECT)
		return exact;
	for (uint32_t i = v->n; i-- > 0;)
		if (slice_eq_fold(v->entries[i].key, key))
			return &v->entries[i].val;
	return NULL;
}

bool value_i64(const struct value *v, int64_t *out)
{
	return v && v->type == V_NUMBER && !num_i64(v->text, out, NULL);
}

bool value_u64(const struct value *v, uint64_t *out)
{
	return v && v->type == V_NUMBER && !num_u64(v->text, out, NULL);
}

bool value_double(const struct value *v, double *out)
{
	return v && v->type == V_NUMBER && !num_float(v->text, out, NULL);
}
