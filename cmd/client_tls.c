/* HTTPS of a client: whom to believe, which name to expect. */
#include <stdlib.h>

#include "cmd/authorities.h"
#include "cmd/client_transport.h"
#include "core/base/num.h"
#include "core/base/slice.h"

static const char *setting(const char *flag, const char *variable)
{
	const char *v = flag && *flag ? flag : getenv(variable);
	return v && *v ? v : NULL;
}

/* ---- which name to expect ---- */

static bool verify_wanted(void)
{
	bool verify = true;
	struct fail ignored;
	const char *v = setting(NULL, "CONSUL_HTTP_SSL_VERIFY");
	/* What is no boolean counts as false, as in the reference. */
	return !v || (num_bool(slice_of(v), &verify, &ignored) == OK && verify);
}

/* Without the port, and without the brackets of IPv6. */
static const char *name_of(struct client *c, struct slice address)
{
	ptrdiff_t colon = slice_find_last(address, ':'), bracket = slice_find_last(address, ']');
	if (colon > bracket)
		address = slice_cut(address, 0, (size_t)colon);
	if (address.n > 1 && address.p[0] == '[')
		address = slice_cut(address, 1, address.n - 1);
	return arena_str(&c->fixed, "%.*s", PS(address)).p;
}

enum err client_tls_open(struct client *c, struct fail *f)
{
	const char *file = setting(client_settings.ca_file, "CONSUL_CACERT");
	const char *folder = setting(client_settings.ca_path, "CONSUL_CAPATH");
	const char *name = setting(client_settings.tls_server_name, "CONSUL_TLS_SERVER_NAME");
	enum err e = file     ? authorities_file(file, &c->http.trust, f)
	             : folder ? authorities_folder(folder, &c->http.trust, f)
	                      : OK;
	if (e != OK || !c->http.https)
		return e;
	const char *cert = setting(client_settings.cert_file, "CONSUL_CLIENT_CERT");
	const char *key = setting(client_settings.key_file, "CONSUL_CLIENT_KEY");
	if (cert && key && authorities_identity(cert, key, &c->http.identity, f) != OK)
		return f->code;
	bool verify = verify_wanted();
	c->http.tls = (struct tls_settings){
	        .trust = verify && !file && !folder ? authorities_system() : c->http.trust,
	        .server_name = name_of(c, name ? slice_of(name) : c->http.host),
	        .skip_verify = !verify,
	        .identity = c->http.identity,
	};
	return OK;
}
