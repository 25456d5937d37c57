#include "cmd/agent/https.h"

#include "cmd/authorities.h"
#include "core/base/slice.h"

enum { PATH_BYTES = 4096 };

enum err https_identity(struct tls_identity **out, const struct agent_config *c, struct fail *f)
{
	char cert[PATH_BYTES], key[PATH_BYTES];
	if (!c->cert_file.n || !c->key_file.n)
		return OK;
	slice_cstr(c->cert_file, cert, sizeof cert);
	slice_cstr(c->key_file, key, sizeof key);
	return authorities_identity(cert, key, out, f) ? fail_wrap(f, "Failed to load cert/key pair") : OK;
}

enum err https_authority(struct tls_trust **out, const struct agent_config *c, struct fail *f)
{
	char path[PATH_BYTES];
	if (c->ca_file.n)
		return authorities_file(slice_cstr(c->ca_file, path, sizeof path), out, f);
	return c->ca_path.n ? authorities_folder(slice_cstr(c->ca_path, path, sizeof path), out, f) : OK;
}

enum err https_load(struct https *h, const struct agent_config *c, struct fail *f)
{
	struct tls_trust *clients = NULL;
	*h = (struct https){0};
	if (!c->https_addrs.n)
		return OK;
	enum err e = https_authority(&clients, c, f);
	e = e ? e : https_identity(&h->identity, c, f);
	if (!e && (c->verify_incoming || c->verify_incoming_https)) {
		if (!clients)
			e = fail_set(f, ERR_INVALID, "VerifyIncoming set, and no CA certificate provided!");
		else if (!h->identity)
			e = fail_set(f, ERR_INVALID, "VerifyIncoming set, and no Cert/Key pair provided!");
		h->clients = clients;
	} else {
		tls_trust_free(clients);
	}
	if (e)
		https_free(h);
	return e;
}

void https_free(struct https *h)
{
	tls_identity_free(h->identity);
	tls_trust_free(h->clients);
	*h = (struct https){0};
}
