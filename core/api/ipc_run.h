/* One command of port 8400 under way: what the rows of the table in ipc.c share with the files of their bodies. */
#ifndef CORE_API_IPC_RUN_H
#define CORE_API_IPC_RUN_H

#include "core/api/ipc.h"
#include "core/api/ipc_wire.h"

struct ipc_call {
	struct api *api;
	struct ipc_client *client;
	struct slice remote;
	struct slice body; /* the value behind the header; empty when the command has none */
	struct buf *out;
	struct ipc_step *step;
};

typedef enum ipc_state ipc_run(struct ipc_call *call);

/* A row of the table. */
struct ipc_command {
	const char *name;
	bool has_body;
	ipc_run *run;
	size_t body_max; /* 0: IPC_BODY_MAX */
};

/* The body into `obj` (a struct described by `s`); false: it can't be, and the call is over with ipc_undecodable. */
bool ipc_body(struct ipc_call *call, const struct schema *s, void *obj);
enum ipc_state ipc_undecodable(struct ipc_call *call);
/* A header without a body behind it. */
enum ipc_state ipc_answer(struct ipc_call *call, struct slice error);
/* A message for the core thread, with the client's token; NULL: no memory, and the call is over with ipc_no_memory. */
struct message *ipc_message(struct ipc_call *call, enum ask ask);
enum ipc_state ipc_no_memory(struct ipc_call *call);
/* Its request was copied: off it goes, if it is whole. */
enum ipc_state ipc_sent(struct ipc_call *call, struct message *m);

/* ipc_members.c */
ipc_run ipc_members_lan, ipc_members_wan;
/* ipc_keyring.c */
ipc_run ipc_keyring_list, ipc_keyring_install, ipc_keyring_use, ipc_keyring_remove;
void ipc_keyring_finish(const struct message *m, struct buf *out); /* the body of the answer */
/* ipc_http.c */
ipc_run ipc_api;

#endif
