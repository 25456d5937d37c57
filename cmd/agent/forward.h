/* Calls that another server has to answer: core's call_forward on one side, net's RPC client on the other.
 *
 * One a loop (each front, and the core thread for the agent's own calls), with connections of its own: a session to
 * each server that is asked. Thread: the loop's. */
#ifndef CMD_AGENT_FORWARD_H
#define CMD_AGENT_FORWARD_H

#include "cmd/agent/rpc_tls.h"
#include "core/agent/config.h"
#include "core/method/call.h"
#include "net/loop.h"

struct forward;
struct forward_call;

/* NULL: no memory. `tls` stays. */
struct forward *forward_new(struct loop *l, const struct agent_config *c, const struct rpc_tls *tls, uint64_t seed);
/* Calls under way end silently. */
void forward_free(struct forward *f);

/* Sends it. `done` is called once, never from inside; what the answer points to lives until it returns. NULL: no
 * memory, `done` is not called. */
struct forward_call *forward_begin(struct forward *f, const struct call_forward *what,
        void (*done)(void *owner, const struct call_answer *a), void *owner);
/* Nobody wants the answer any more. */
void forward_cancel(struct forward_call *c);

#endif
