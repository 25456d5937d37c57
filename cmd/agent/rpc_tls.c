#include "cmd/agent/rpc_tls.h"

#include <stdio.h>

#include "cmd/agent/https.h"
#include "core/base/slice.h"

static enum err outgoing_check(const struct rpc_tls *t, struct fail *f)
{
	if (t->always && !t->authority)
		return fail_set(f, ERR_INVALID, "VerifyOutgoing set, and no CA certificate provided!");
	return OK;
}

static enum err incoming_check(const struct rpc_tls *t, struct fail *f)
{
	if (!t->demanded)
		return OK;
	if (!t->authority)
		return fail_set(f, ERR_INVALID, "VerifyIncoming set, and no CA certificate provided!");
	if (!t->identity)
		return fail_set(f, ERR_INVALID, "VerifyIncoming set, and no Cert/Key pair provided!");
	return OK;
}

static void names_take(struct rpc_tls *t, const struct agent_config *c)
{
	struct slice domain = c->domain;
	if (slice_ends(domain, S(".")))
		domain.n--;
	if (c->verify_server_hostname)
		slice_cstr(domain, t->domain, sizeof t->domain);
	slice_cstr(c->server_name, t->server_name, sizeof t->server_name);
	if (!address_parse_ip(c->server_addr.host, &t->source) || address_is_any(&t->source))
		t->source = (struct address){0};
}

enum err rpc_tls_load(struct rpc_tls *t, const struct agent_config *c, struct fail *f)
{
	*t = (struct rpc_tls){
	        .always = c->verify_outgoing || c->verify_server_hostname,
	        .demanded = c->server_mode && (c->verify_incoming || c->verify_incoming_rpc),
	};
	names_take(t, c);
	enum err e = https_authority(&t->authority, c, f);
	e = e ? e : https_identity(&t->identity, c, f);
	e = e ? e : outgoing_check(t, f);
	e = e ? e : incoming_check(t, f);
	if (!e)
		return OK;
	rpc_tls_free(t);
	return fail_wrap(f, "Failed to start Consul %s", c->server_mode ? "server" : "client");
}

void rpc_tls_free(struct rpc_tls *t)
{
	tls_identity_free(t->identity);
	tls_trust_free(t->authority);
	*t = (struct rpc_tls){0};
}

static const char *name_of(const struct rpc_tls *t, struct slice dc, struct rpc_tls_to *x)
{
	if (!*t->domain)
		return *t->server_name ? t->server_name : NULL;
	snprintf(x->name, sizeof x->name, "server.%.*s.%s", PS(dc), t->domain);
	return x->name;
}

const struct tls_settings *rpc_tls_to(const struct rpc_tls *t, struct slice dc, bool takes_tls, struct rpc_tls_to *x)
{
	if (!t->always && !(t->authority && takes_tls))
		return NULL;
	x->settings =
	        (struct tls_settings){.trust = t->authority, .identity = t->identity, .server_name = name_of(t, dc, x)};
	return &x->settings;
}
