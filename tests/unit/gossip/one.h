/* One member alone, called "alpha", at 127.8.1.1:8301 of dc1: what it is told, and what it answers, asks for and logs,
 * step by step. Each step's effects stay in `out` until the next one. */
#ifndef TEST_GOSSIP_ONE_H
#define TEST_GOSSIP_ONE_H

#include "core/base/schema.h"
#include "core/gossip/gossip.h"
#include "tests/test.h"

struct one {
	struct gossip *g;
	struct gossip_effects out;
	struct logbuf log;
	mono_ns now;
};

struct gossip_addr one_addr(const char *text);
struct gossip_config one_config(struct one *o, const char *name); /* a server of dc1, its log in `o` */

void one_begin(struct one *o, const char *name);
void one_begin_with(struct one *o, const struct gossip_config *c);
void one_end(struct one *o);

/* One event, at o->now; the member's invariants are looked at after each. */
void one_step(struct one *o, struct gossip_event *ev);
/* Lets time pass; true if an effect of that kind came (the last step's effects stay in o->out). */
bool one_pass(struct one *o, dur_ns how_long, enum gossip_effect_kind until);

/* A packet as it is; with one message of memberlist; with one of Serf. */
void one_packet(struct one *o, const char *from, struct slice data);
void one_message(struct one *o, const char *from, uint8_t type, const struct schema *s, const void *m);
void one_user(struct one *o, const char *from, uint8_t type, const struct schema *s, const void *m);

/* Somebody tells that a member is alive (with tags, as bytes) or dead. */
void one_alive(struct one *o, const char *name, const char *addr, uint32_t inc);
void one_alive_as(struct one *o, const char *name, const char *addr, uint32_t inc, struct slice meta);
void one_dead(struct one *o, const char *name, uint32_t inc, const char *from);

/* The first effect of that kind in the last step; NULL: none. */
const struct gossip_effect *one_effect(const struct one *o, enum gossip_effect_kind kind);
bool one_logged(const struct one *o, const char *text);
/* As the member sees it now, GOSSIP_NONE when it does not know it; all about it in `m`, unless that is NULL. */
enum gossip_status one_status(const struct one *o, const char *name, struct gossip_member *m);

#endif
