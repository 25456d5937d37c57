/* The tables of the configuration: key in a file ↔ field of struct agent_config ↔ name in /v1/agent/self.
 *
 * A source is first decoded into *slots*, one for each row that has a key: what was said, or nothing. Slots of several
 * sources are laid over each other, then moved into the fields. So "not said" and "said to be zero" stay different up
 * to the last step, and nobody writes a line of code for a plain key.
 * Internal to core/agent/config*.c. */
#ifndef AGENT_CONFIG_KEYS_H
#define AGENT_CONFIG_KEYS_H

#include "core/agent/config.h"
#include "core/base/types.h"
#include "core/base/value.h"

enum config_type {
	CT_BOOL,     /* bool */
	CT_INT,      /* int64_t */
	CT_FLOAT,    /* double */
	CT_STR,      /* struct slice */
	CT_DUR,      /* dur_ns; text in the slot */
	CT_STRS,     /* list of struct slice */
	CT_MAP,      /* list of struct pair, sorted */
	CT_MAP_STRS, /* list of struct named_strs, sorted */
	CT_ANY,      /* any object, only looked at */
	CT_OBJECTS,  /* list of struct value, each an object */
	CT_TABLE,    /* one struct of another table */
	CT_TABLES,   /* list of such */
	/* only derived fields have these; they occur in no file */
	CT_ADDR,        /* struct config_addr */
	CT_ADDRS,       /* list of struct config_addr */
	CT_TTLS,        /* list of struct config_ttl */
	CT_INTS,        /* list of int64_t */
	CT_CHECKS,      /* list of struct check_definition */
	CT_CHECK_TYPE,  /* struct check_definition, shown as structs.CheckType */
	CT_CHECK_TYPES, /* list of those */
	CT_SERVICES,    /* list of struct service_definition */
};

enum config_key_flag {
	CF_RAW = 1 << 0,    /* config_build.c reads the slot itself: no plain move into a field */
	CF_ABSENT = CF_RAW, /* a key that has no field at all */
};

struct config_table;

struct config_key {
	const char *key;  /* path in a file, "dns_config.node_ttl"; NULL: derived, in no file */
	const char *name; /* Go's name in DebugConfig; NULL: not shown there */
	enum config_type type;
	uint16_t flags;
	uint16_t offset;                /* of the field; unused where CF_RAW and no name */
	const struct config_table *sub; /* CT_TABLE, CT_TABLES */
	const char *go_type;            /* CT_STR: Go's name of the type in error texts; NULL: string */
};

struct config_table {
	const struct config_key *rows; /* keys with the same prefix stand together */
	size_t n;
};

extern const struct config_table config_keys;         /* a whole file */
extern const struct config_table config_check_keys;   /* a check in it */
extern const struct config_table config_service_keys; /* a service in it */
extern const struct config_table config_segment_keys;
extern const struct config_table config_check_type_keys; /* the check of a service, as shown */

/* What one source said about one key. */
struct config_slot {
	bool set;
	union {
		bool b;
		int64_t i;
		double f;
		struct slice s;
		struct list l;             /* CT_STRS, CT_MAP, CT_MAP_STRS, CT_OBJECTS */
		struct config_slot *table; /* CT_TABLE: sub->n slots */
		struct {
			struct config_slot *items; /* CT_TABLES: count × sub->n slots */
			size_t count;
		} tables;
	};
};

/* The slot of a key. The key must exist. */
struct config_slot *config_slot_of(const struct config_table *t, struct config_slot *slots, const char *key);

#endif
