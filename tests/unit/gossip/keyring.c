/* Packets under a wrong key, and what may be done to the keys. */
#include "tests/unit/gossip/one.h"

TEST(gossip_step, a_wrong_key_is_said_once_a_minute)
{
	struct one o = {0};
	struct slice key = S("0123456789abcdef");
	struct gossip_config c = one_config(&o, "alpha");
	c.keys = (struct list){&key, 1};
	one_begin_with(&o, &c);
	buf_reset(&o.log.lines, 0);
	for (int i = 0; i < 50; i++)
		one_packet(&o, "127.8.1.6:8301", S("\x01garbage that nobody has sealed with a key of ours"));
	struct slice lines = buf_view(&o.log.lines);
	CHECK_EQ(slice_find(lines, '\n'), (ptrdiff_t)lines.n - 1);
	CHECK(one_logged(&o, "Decrypt packet failed: No installed keys could decrypt the message from=127.8.1.6:8301"));
	o.now += 61 * NS_PER_S;
	one_packet(&o, "127.8.1.6:8301", S("\x01garbage that nobody has sealed with a key of ours"));
	CHECK(o.log.lines.n > lines.n);
	one_end(&o);
}

static const struct gossip_effect *key_command(struct one *o, enum key_operation operation, struct slice key)
{
	struct gossip_event ev = {.kind = GE_KEY, .tag = 8};
	ev.key.operation = operation;
	ev.key.key = key;
	one_step(o, &ev);
	return one_effect(o, GX_DONE);
}

TEST(gossip_step, key_operations_of_one)
{
	struct one o = {0};
	struct slice key = S("0123456789abcdef"), two = S("fedcba9876543210");
	struct gossip_config c = one_config(&o, "alpha");
	c.keys = (struct list){&key, 1};
	one_begin_with(&o, &c);
	const struct gossip_effect *x = key_command(&o, KEY_INSTALL, two);
	ASSERT(x);
	CHECK_EQ(x->done.err, OK);
	CHECK_STR(one_effect(&o, GX_KEYRING)->keyring,
	        "[\n  \"MDEyMzQ1Njc4OWFiY2RlZg==\",\n  \"ZmVkY2JhOTg3NjU0MzIxMA==\"\n]");
	x = key_command(&o, KEY_REMOVE, key);
	ASSERT(x);
	CHECK_STR(x->done.text, "1/1 nodes reported failure");
	const struct gossip_keys *r = one_effect(&o, GX_KEYS)->keys.result;
	CHECK_EQ(r->message_n, 1);
	CHECK_STR(r->messages[0].val, "Removing the primary key is not allowed");
	x = key_command(&o, KEY_LIST, S_NONE);
	ASSERT(x);
	CHECK_EQ(one_effect(&o, GX_KEYS)->keys.result->key_n, 2);
	one_end(&o);
}

TEST(gossip_step, keys_without_encryption)
{
	struct one o;
	one_begin(&o, "alpha");
	const struct gossip_effect *x = key_command(&o, KEY_LIST, S_NONE);
	ASSERT(x);
	CHECK_STR(x->done.text, "1/1 nodes reported failure");
	CHECK_STR(one_effect(&o, GX_KEYS)->keys.result->messages[0].val, "Keyring is empty (encryption not enabled)");
	one_end(&o);
}
