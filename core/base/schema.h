/* A structure as a table of fields: described once, encoded everywhere.
 *
 * Whatever crosses a wire, stands in a file or rests in the store has a `struct schema`. JSON in and out
 * (schema_json), msgpack in and out (schema_msgpack), copying and comparing (schema_copy) all walk this table; nobody
 * writes an encoder for one structure.
 *
 * Shapes in memory, by type:
 *   F_BOOL bool · F_INT int64_t · F_UINT uint64_t · F_FLOAT double · F_DUR dur_ns (a number in JSON and msgpack)
 *   F_DURSTR dur_ns, written as Go's Duration.String() in JSON (api.ReadableDuration), a number in msgpack
 *   F_STR struct slice · F_BYTES struct slice (base64 in JSON, raw in msgpack; p == NULL is nil)
 *   F_STRUCT the struct itself · F_PTR pointer to it, NULL is nil · F_EMBED the struct itself, its fields flattened
 * into ours F_STRS list of struct slice · F_FLOATS list of double · F_LIST list of struct (sub) F_MAP list of struct
 * pair, sorted by key · F_MAP_STRS list of struct named_strs (string → list of strings), sorted F_MAP_OF list of {
 * struct slice key; T } with T described by sub, stride SCHEMA_MAP_STRIDE(sub), sorted by key F_VALUE struct value *
 * (any JSON-like value), NULL is nil
 *
 * Where an embedded struct has a field of the same name, ours wins in msgpack and in reading; JSON output has no room
 * for such a pair: leave the inner one out with FF_NO_JSON.
 *
 * nil and empty: see struct list. A reader gives nil for an absent or null list; an empty one for [] or {}. */
#ifndef BASE_SCHEMA_H
#define BASE_SCHEMA_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/types.h"

enum field_type {
	F_BOOL,
	F_INT,
	F_UINT,
	F_FLOAT,
	F_DUR,
	F_DURSTR,
	F_STR,
	F_BYTES,
	F_STRUCT,
	F_PTR,
	F_EMBED,
	F_STRS,
	F_FLOATS,
	F_LIST,
	F_MAP,
	F_MAP_STRS,
	F_MAP_OF,
	F_VALUE,
};

enum field_flag {
	FF_OMITEMPTY = 1 << 0,    /* JSON: left out when zero, nil or empty */
	FF_NO_JSON = 1 << 1,      /* json:"-" */
	FF_NO_MSGPACK = 1 << 2,   /* codec:"-" */
	FF_NIL_EMPTY = 1 << 3,    /* JSON: a nil list or map is written [] or {}, not null */
	FF_MP_OMITEMPTY = 1 << 4, /* msgpack: left out when zero */
	FF_NIL_NULL = 1 << 5,     /* JSON: an empty list or map is written null, too */
};

struct schema;

struct field {
	const char *name; /* Go's field name; the key in msgpack, and in JSON unless json is set */
	enum field_type type;
	uint16_t offset;
	uint16_t flags;
	const struct schema *sub; /* F_STRUCT, F_PTR, F_EMBED, F_LIST, F_MAP_OF */
	const char *json;         /* the key in JSON where it differs (a json:"..." tag); else NULL */
	const char *go_type;      /* Go's type where it is not the usual one, for error texts: "api.KVOp"; else NULL */
};

struct schema {
	const char *name; /* Go's type name, for error texts: "structs.RegisterRequest" */
	size_t size;
	const struct field *fields; /* in Go's order: JSON is written in it */
	size_t n;
};

struct named_strs {
	struct slice key;
	struct list strs; /* of struct slice */
};

/* Most fields of one structure, embedded ones included. */
enum { SCHEMA_FIELDS_MAX = 96 };

#define SCHEMA_MAP_STRIDE(sub) (sizeof(struct slice) + (sub)->size)

/* Rows of a table: FIELD(struct kv_request, datacenter, "Datacenter", F_STR, 0) */
#define FIELD(owner, member, go_name, ftype, fflags)                                                                   \
	{                                                                                                              \
		.name = (go_name), .type = (ftype), .offset = offsetof(owner, member), .flags = (fflags)               \
	}
#define FIELD_SUB(owner, member, go_name, ftype, fflags, subschema)                                                    \
	{                                                                                                              \
		.name = (go_name), .type = (ftype), .offset = offsetof(owner, member), .flags = (fflags),              \
		.sub = (subschema)                                                                                     \
	}
#define SCHEMA(owner, go_name, table)                                                                                  \
	{                                                                                                              \
		.name = (go_name), .size = sizeof(owner), .fields = (table), .n = ARRAY_LEN(table)                     \
	}

/* Bytes of one item of a list or map field. */
size_t schema_stride(const struct field *f);
bool schema_is_map(const struct field *f);
/* What omitempty leaves out: false, zero, nil, no characters, no items; never a struct. `p` is the field's place. */
bool schema_empty(const struct field *f, const void *p);

/* How Go calls the type of a field, for error texts: its own name, or that of a bool, a number or a duration. NULL for
 * all else. */
const char *schema_go_type(const struct field *f);

/* Sorts the entries of a map (each begins with its struct slice key) and drops all but the last of equal keys. False
 * when the arena is full. */
bool schema_map_sort(struct list *map, size_t stride, struct arena *a);

/* ---- JSON ---- */

/* Writes `obj` as encoding/json does: Go's escapes (< > & as \u003c …, U+2028/9, invalid UTF-8 as \ufffd), field
 * order of the table, floats as Go prints them. `indent`: 0 for one line, else blanks a level (Consul's pretty: 4).
 * `depth`: the level the value stands at already. No final newline. */
void schema_json_write(struct buf *out, const struct schema *s, const void *obj, unsigned indent, unsigned depth);
/* A list of struct (items packed); nil is written null. */
void schema_json_write_list(struct buf *out, const struct schema *s, struct list l, unsigned indent, unsigned depth);

struct value;

/* Fills `obj` (cleared first by the caller) from a parsed value as encoding/json does: names match without regard to
 * case (an exact match wins), unknown keys are ignored, null leaves the field alone. A wrong type gives Go's text
 * "json: cannot unmarshal string into Go struct field RegisterRequest.Node of type …"; the first such error is kept
 * and the rest is still read, as Go does. Memory comes from the arena. Durations (F_DUR, F_DURSTR) take numbers of
 * nanoseconds, and texts as time.ParseDuration where the type reads them (F_DURSTR). */
enum err schema_json_read(const struct schema *s, const struct value *v, void *obj, struct arena *a, struct fail *f);

/* ---- msgpack: the old raw family of server RPC, gossip and Raft; maps with sorted keys as go-msgpack writes structs
 * ---- */
struct mp_reader;
void schema_mp_write(struct buf *out, const struct schema *s, const void *obj);
/* Reads a map into obj. Unknown keys are skipped, nil leaves the field alone, keys match exactly. Sticky: look at the
 * reader's failure once. Byte slices and strings point into the reader's input. */
void schema_mp_read(struct mp_reader *r, const struct schema *s, void *obj, struct arena *a);
/* The same in the encoding of port 8400 (str8, bin, smallest unsigned). */
void schema_mp_write_new(struct buf *out, const struct schema *s, const void *obj);

/* ---- copying and comparing ---- */

/* Bytes needed for everything below `obj` that lies outside of it (strings, lists, nested), each piece aligned to 8. */
size_t schema_extra_size(const struct schema *s, const void *obj);
/* Copies `obj` to `to` (s->size bytes) and everything below it to `extra` (schema_extra_size bytes, aligned to 8). */
void schema_copy_to(const struct schema *s, void *to, const void *obj, void *extra);
/* A deep copy in the arena. */
void *schema_copy(const struct schema *s, const void *obj, struct arena *a);
/* Equal in every field, deeply; nil and empty lists count as different only when `strict_nil`. */
bool schema_equal(const struct schema *s, const void *a, const void *b, bool strict_nil);

#endif
