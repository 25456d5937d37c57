#include "core/base/schema.h"

size_t schema_stride(const struct field *f)
{
	switch (f->type) {
	case F_STRS: return sizeof(struct slice);
	case F_FLOATS: return sizeof(double);
	case F_MAP: return sizeof(struct pair);
	case F_MAP_STRS: return sizeof(struct named_strs);
	case F_MAP_OF: return SCHEMA_MAP_STRIDE(f->sub);
	case F_LIST: return f->sub->size;
	default: return 0;
	}
}

bool schema_is_map(const struct field *f)
{
	return f->type == F_MAP || f->type == F_MAP_STRS || f->type == F_MAP_OF;
}

const char *schema_go_type(const struct field *f)
{
	if (f->go_type)
		return f->go_type;
	switch (f->type) {
	case F_BOOL: return "bool";
	case F_INT: return "int";
	case F_UINT: return "uint64";
	case F_FLOAT: return "float64";
	case F_DUR: return "time.Duration";
	case F_DURSTR: return "api.ReadableDuration";
	default: return NULL;
	}
}

bool schema_empty(const struct field *f, const void *p)
{
	switch (f->type) {
	case F_BOOL: return !*(const bool *)p;
	case F_INT:
	case F_DUR:
	case F_DURSTR: return !*(const int64_t *)p;
	case F_UINT: return !*(const uint64_t *)p;
	case F_FLOAT: return *(const double *)p == 0;
	case F_STR:
	case F_BYTES: return !((const struct slice *)p)->n;
	case F_PTR:
	case F_VALUE: return !*(const void *const *)p;
	case F_STRUCT:
	case F_EMBED: return false;
	default: return !((const struct list *)p)->n;
	}
}
