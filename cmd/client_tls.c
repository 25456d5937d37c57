/* HTTPS of a client: whom to believe, which name to expect. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "cmd/client_transport.h"
#include "cmd/input.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "net/socket.h"

/* Where systems keep the authorities that everybody trusts; the first that is there. */
static const char *const system_roots[] = {
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

static const char *setting(const char *flag, const char *variable)
{
	const char *v = flag && *flag ? flag : getenv(variable);
	return v && *v ? v : NULL;
}

/* ---- whom to believe ---- */

static enum err authorities_read(struct client *c, struct slice pem, const char *path, struct fail *f)
{
	if (tls_trust_new(pem, &c->http.trust, f) != OK)
		return fail_set(f, ERR_INVALID, "Error loading CA File: Couldn't parse PEM in: %s", path);
	return OK;
}

static enum err file_trust(struct client *c, const char *path, struct fail *f)
{
	struct buf pem = {0};
	enum err e = input_file(path, &pem, f);
	if (e == OK)
		e = authorities_read(c, buf_view(&pem), path, f);
	else
		fail_wrap(f, "Error loading CA File");
	buf_free(&pem);
	return e;
}

/* Appends a file of a folder, which must hold certificates by itself. */
static enum err folder_file(const char *path, struct buf *pem, struct fail *f)
{
	size_t before = pem->n;
	struct tls_trust *alone = NULL;
	if (input_file(path, pem, f) != OK)
		return fail_wrap(f, "Error loading CA Path");
	if (tls_trust_new(slice_from(buf_view(pem), before), &alone, f) != OK)
		return fail_set(f, ERR_INVALID, "Error loading CA Path: Couldn't parse PEM in: %s", path);
	tls_trust_free(alone);
	buf_char(pem, '\n');
	return OK;
}

static int is_entry(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

/* All files of a folder together. */
static enum err folder_trust(struct client *c, const char *path, struct fail *f)
{
	struct dirent **files;
	int n = scandir(path, &files, is_entry, alphasort);
	if (n < 0)
		return fail_set(f, ERR_IO, "lstat %s: %s", path, socket_error_text(errno));
	struct buf pem = {0};
	enum err e = OK;
	for (int i = 0; i < n; i++) {
		if (e == OK)
			e = folder_file(arena_str(&c->fixed, "%s/%s", path, files[i]->d_name).p, &pem, f);
		free(files[i]);
	}
	free(files);
	if (e == OK && n)
		e = authorities_read(c, buf_view(&pem), path, f);
	buf_free(&pem);
	return e;
}

/* Without any, nobody is trusted, and connecting says so. */
static void system_trust(struct client *c)
{
	struct fail ignored;
	for (size_t i = 0; i < ARRAY_LEN(system_roots) && !c->http.trust; i++)
		file_trust(c, system_roots[i], &ignored);
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
	enum err e = file ? file_trust(c, file, f) : folder ? folder_trust(c, folder, f) : OK;
	if (e != OK || !c->http.https)
		return e;
	if (setting(client_settings.cert_file, "CONSUL_CLIENT_CERT") &&
	        setting(client_settings.key_file, "CONSUL_CLIENT_KEY"))
		return fail_set(f, ERR_INVALID, "client certificates are not spoken yet");
	bool verify = verify_wanted();
	if (verify && !file && !folder)
		system_trust(c);
	c->http.tls = (struct tls_settings){
	        .trust = c->http.trust,
	        .server_name = name_of(c, name ? slice_of(name) : c->http.host),
	        .skip_verify = !verify,
	};
	return OK;
}
