/* Who is known, by number and by name; cards that several share. */
#include "core/gossip/roster.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/slice.h"
#include "core/gossip/card.h"
#include "core/gossip/peer.h"
#include "tests/test.h"

static const struct gossip_addr addr = {.port = 8301};

static struct card *card_named(struct cards *shared, const char *name, uint64_t incarnation)
{
	struct buf b = {0};
	struct msg_alive m = {
	        .incarnation = incarnation,
	        .port = 8301,
	        .node = slice_of(name),
	        .addr = S("\x0a\0\0\1"),
	        .meta = S("\xff\x80"),
	        .vsn = S("\1\5\2\2\5\4"),
	};
	message_put(&b, SWIM_ALIVE, &msg_alive_schema, &m);
	struct card *c = card_of(shared, &m, &addr, buf_view(&b));
	buf_free(&b);
	return c;
}

static struct peer *find(const struct roster *r, unsigned i)
{
	char name[16];
	return roster_find(r, slice_at(name, (size_t)snprintf(name, sizeof name, "n%u", i)));
}

static void take_out(struct roster *r, struct peer *p)
{
	struct card *c = p->card;
	roster_remove(r, p);
	card_drop(NULL, c);
}

TEST(gossip_roster, finds_whom_it_has_while_others_come_and_go)
{
	enum { MANY = 3000 };
	struct roster r;
	uint32_t at = 0, n = 0;
	roster_init(&r, 1, 2);
	CHECK(!find(&r, 0));
	for (unsigned i = 0; i < 2 * MANY; i++) {
		char name[16];
		snprintf(name, sizeof name, "n%u", i);
		struct peer *p = roster_add(&r, card_named(NULL, name, 1));
		ASSERT(p);
		if (i >= MANY) /* for each that comes one goes */
			take_out(&r, find(&r, i - MANY));
	}
	CHECK_EQ(r.n, MANY);
	CHECK(r.top <= MANY + 1); /* numbers are given again */
	for (unsigned i = 0; i < 2 * MANY; i++) {
		struct peer *p = find(&r, i);
		CHECK_EQ(p != NULL, i >= MANY);
		CHECK(!p || roster_at(&r, p->number) == p);
	}
	for (struct peer *p; (p = roster_next(&r, &at)); n++)
		take_out(&r, p);
	CHECK_EQ(n, MANY);
	CHECK_EQ(r.n, 0);
	roster_free(&r);
}

TEST(gossip_roster, a_member_is_small)
{
	CHECK(sizeof(struct peer) <= 72); /* ten thousand nodes hold a hundred million of them */
}

TEST(gossip_card, is_the_message_and_shows_its_parts)
{
	struct card *c = card_named(NULL, "web-1", 7);
	ASSERT(c);
	CHECK_STR(card_name(c), "web-1");
	CHECK_EQ(card_meta(c).n, 2);
	CHECK_EQ(c->incarnation, 7);
	struct msg_alive m = card_alive(c);
	CHECK_STR(m.node, "web-1");
	CHECK_EQ(m.port, 8301);
	CHECK_STR(card_name_in(card_message(c)), "web-1");
	CHECK_EQ(card_name_in(S("\4\x81")).n, 0);
	CHECK_EQ(card_name_in(S("")).n, 0);
	card_drop(NULL, c);
}

TEST(gossip_card, equal_ones_are_one)
{
	struct cards all = {0};
	struct card *a = card_named(&all, "web-1", 7), *b = card_named(&all, "web-1", 7),
	            *c = card_named(&all, "web-1", 8);
	ASSERT(a && b && c);
	CHECK(a == b && a != c);
	CHECK_EQ(a->refs, 2);
	card_drop(&all, a);
	CHECK_EQ(b->refs, 1);
	card_drop(&all, b);
	card_drop(&all, c);
	cards_free(&all);
}
