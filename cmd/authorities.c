#include "cmd/authorities.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/input.h"
#include "core/base/slice.h"
#include "net/socket.h"

static enum err pem_read(struct slice pem, const char *path, struct tls_trust **out, struct fail *f)
{
	if (tls_trust_new(pem, out, f) != OK)
		return fail_set(f, ERR_INVALID, "Error loading CA File: Couldn't parse PEM in: %s", path);
	return OK;
}

enum err authorities_file(const char *path, struct tls_trust **out, struct fail *f)
{
	struct buf pem = {0};
	*out = NULL;
	enum err e = input_file(path, &pem, f);
	if (e == OK)
		e = pem_read(buf_view(&pem), path, out, f);
	else
		fail_wrap(f, "Error loading CA File");
	buf_free(&pem);
	return e;
}

/* Appends a file of a folder, which must hold certificates by itself. */
static enum err folder_file(const char *folder, const char *name, struct buf *pem, struct fail *f)
{
	size_t before = pem->n;
	struct tls_trust *alone = NULL;
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", folder, name);
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

enum err authorities_folder(const char *path, struct tls_trust **out, struct fail *f)
{
	struct dirent **files;
	*out = NULL;
	int n = scandir(path, &files, is_entry, alphasort);
	if (n < 0)
		return fail_set(f, ERR_IO, "lstat %s: %s", path, socket_error_text(errno));
	struct buf pem = {0};
	enum err e = OK;
	for (int i = 0; i < n; i++) {
		if (e == OK)
			e = folder_file(path, files[i]->d_name, &pem, f);
		free(files[i]);
	}
	free(files);
	if (e == OK && n)
		e = pem_read(buf_view(&pem), path, out, f);
	buf_free(&pem);
	return e;
}

enum err authorities_identity(const char *cert, const char *key, struct tls_identity **out, struct fail *f)
{
	struct buf chain = {0}, secret = {0};
	enum err e = input_file(cert, &chain, f);
	e = e ? e : input_file(key, &secret, f);
	e = e ? e : tls_identity_new(buf_view(&chain), buf_view(&secret), out, f);
	buf_free(&chain);
	buf_free(&secret);
	return e;
}

static struct tls_trust *system_trust;

/* Where systems keep them; the first that is there. */
static void read_system(void)
{
	static const char *const files[] = {
	        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
	struct fail ignored;
	for (size_t i = 0; i < ARRAY_LEN(files) && !system_trust; i++)
		authorities_file(files[i], &system_trust, &ignored);
}

const struct tls_trust *authorities_system(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, read_system);
	return system_trust;
}
