/* An RPC server and a client of it on one loop, which the test turns. Methods: Test.Fail, Test.Park (kept until the
 * test answers), Test.Big (as many bytes as asked for), Status.Ping (nothing); all others answer their argument. */
#ifndef TEST_NET_BOTH_H
#define TEST_NET_BOTH_H

#include "net/rpc_client.h"
#include "net/rpc_server.h"
#include "tests/test.h"

enum { PARKED_MAX = 2000 };

struct both {
	struct loop loop;
	struct rpc_server *server;
	struct rpc_client *client;
	char at[ADDRESS_TEXT];               /* where the server listens */
	const struct tls_settings *tls;      /* the client's; NULL: plain */
	struct rpc_call *parked[PARKED_MAX]; /* in the order in which they came; NULL: gone */
	unsigned parked_n, gone_n;
	unsigned troubles;    /* a bit for each enum rpc_trouble that was told */
	uint8_t taken_byte;   /* the last first byte that is none of RPC's; 255: none */
	struct buf taken_got; /* what came behind the byte 1, whose connections the host takes */
	struct stream taken_stream;
};
extern struct both both;

struct rpc_server_settings both_settings(void);
void both_begin(void);
void both_begin_with(const struct rpc_server_settings *set, dur_ns idle);
void both_end(void);
void both_client(dur_ns idle); /* another client in place of the one there is */
void both_turns(int n);        /* of a millisecond at most each */

/* A call of the client and what became of it. */
struct asked {
	struct rpc_sent *sent;
	struct buf error, body;
	enum rpc_outcome outcome;
	unsigned done; /* how often we were told: once */
};
void both_ask(struct asked *a, struct slice method, struct slice args);
void both_answered(struct asked *a); /* turns until it is */
void both_forget(struct asked *a);
void both_on_done(void *owner, const struct rpc_result *r); /* for calls made without both_ask */

#define GIVES(method, args, outcome_, error_, body_)                                                                   \
	do {                                                                                                           \
		struct asked a_;                                                                                       \
		both_ask(&a_, S(method), args);                                                                        \
		both_answered(&a_);                                                                                    \
		CHECK_EQ(a_.outcome, outcome_);                                                                        \
		CHECK_STR(buf_view(&a_.error), error_);                                                                \
		CHECK_STR(buf_view(&a_.body), body_);                                                                  \
		both_forget(&a_);                                                                                      \
	} while (0)

#endif
