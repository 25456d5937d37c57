#include "cmd/agent/gossip_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/enc.h"
#include "core/base/json.h"
#include "core/base/slice.h"

enum { FILE_MAX = 64 << 20 };

static enum err fail_file(struct fail *f, const char *what, const char *path)
{
	return fail_set(f, ERR_IO, "%s %s: %s", what, path, strerror(errno));
}

/* ---- reading ---- */

static enum err read_all(const char *path, struct arena *a, struct slice *out, struct fail *f)
{
	struct stat st;
	*out = S_NONE;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? ERR_ABSENT : fail_file(f, "open", path);
	enum err e = OK;
	char *p = !fstat(fd, &st) && st.st_size <= FILE_MAX ? arena_alloc(a, (size_t)st.st_size) : NULL;
	size_t n = 0;
	if (!p)
		e = fail_set(f, ERR_NO_MEMORY, "read %s: too large", path);
	while (!e && n < (size_t)st.st_size) {
		ssize_t got = read(fd, p + n, (size_t)st.st_size - n);
		if (got < 0 && errno != EINTR)
			e = fail_file(f, "read", path);
		if (got == 0)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	*out = (struct slice){p, n};
	return e;
}

/* ---- writing ---- */

static bool write_all(int fd, struct slice s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);
		if (n < 0 && errno != EINTR)
			return false;
		s = slice_from(s, n > 0 ? (size_t)n : 0);
	}
	return true;
}

static bool replace_file(const char *path, const char *temporary, struct slice bytes, mode_t mode)
{
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return false;
	bool ok = write_all(fd, bytes);
	ok = !fsync(fd) && ok;
	close(fd);
	return ok && !rename(temporary, path);
}

enum err gossip_files_open(struct gossip_files *f, const struct agent_config *c, enum gossip_pool pool, struct arena *a,
        struct slice *snapshot, struct fail *fail)
{
	const char *name = pool == GOSSIP_WAN ? "remote" : "local";
	char dir[3000];
	*f = (struct gossip_files){.fd = -1};
	*snapshot = S_NONE;
	if (!c->data_dir.n || c->data_dir.n > 2900)
		return OK;
	snprintf(dir, sizeof dir, "%.*s/serf", PS(c->data_dir));
	if (mkdir(dir, 0755) && errno != EEXIST)
		return fail_file(fail, "mkdir", dir);
	if (!c->disable_keyring_file)
		snprintf(f->keyring, sizeof f->keyring, "%s/%s.keyring", dir, name);
	if (c->dev_mode)
		return OK;
	snprintf(f->snapshot, sizeof f->snapshot, "%s/%s.snapshot", dir, name);
	enum err e = read_all(f->snapshot, a, snapshot, fail);
	return e == ERR_ABSENT ? OK : e;
}

void gossip_files_close(struct gossip_files *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

/* ---- keys ---- */

static enum err decode_keys(const struct value *v, struct arena *a, struct list *keys, struct fail *f)
{
	struct slice *k = ARENA_ARRAY(a, struct slice, v->n + 1);
	if (v->type != V_LIST || !v->n || !k)
		return fail_set(f, ERR_INVALID, "no keys present in keyring");
	for (uint32_t i = 0; i < v->n; i++) {
		enum err e = base64_get(v->items[i].text, a, &k[i], f);
		if (e)
			return e;
	}
	*keys = (struct list){k, v->n};
	return OK;
}

static enum err first_key(struct gossip_files *f, struct slice encrypt, struct fail *fail)
{
	struct buf b = {0};
	buf_fmt(&b, "[\"%.*s\"]", PS(encrypt));
	char temporary[4200];
	snprintf(temporary, sizeof temporary, "%s.new", f->keyring);
	bool ok = replace_file(f->keyring, temporary, buf_view(&b), 0600);
	buf_free(&b);
	return ok ? OK : fail_file(fail, "write", f->keyring);
}

enum err gossip_files_keys(
        struct gossip_files *f, const struct agent_config *c, struct arena *a, struct list *keys, struct fail *fail)
{
	struct slice bytes;
	struct value v = {0};
	*keys = (struct list){0};
	enum err e = f->keyring[0] ? read_all(f->keyring, a, &bytes, fail) : ERR_ABSENT;
	if (e == ERR_ABSENT && !c->encrypt.n)
		return OK;
	if (e == ERR_ABSENT) {
		struct value one = {.type = V_STRING, .text = c->encrypt};
		v = (struct value){.type = V_LIST, .n = 1, .items = &one};
		e = decode_keys(&v, a, keys, fail);
		if (e)
			return fail_wrap(fail, "Invalid key");
		return f->keyring[0] ? first_key(f, c->encrypt, fail) : OK;
	}
	e = e ? e : json_read(bytes, a, &v, fail);
	return e ? e : decode_keys(&v, a, keys, fail);
}

void gossip_files_save_keys(struct gossip_files *f, struct slice json, struct logbuf *log)
{
	char temporary[4200];
	if (!f->keyring[0])
		return;
	snprintf(temporary, sizeof temporary, "%s.new", f->keyring);
	if (!replace_file(f->keyring, temporary, json, 0600))
		log_err(log, "serf: Failed to write keyring file: %s: %s", f->keyring, strerror(errno));
}

/* ---- the snapshot ---- */

static bool append(struct gossip_files *f, struct slice bytes, bool sync)
{
	if (f->fd < 0)
		f->fd = open(f->snapshot, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return f->fd >= 0 && write_all(f->fd, bytes) && (!sync || !fsync(f->fd));
}

static bool compact(struct gossip_files *f, struct slice bytes)
{
	char temporary[4200];
	snprintf(temporary, sizeof temporary, "%s.compact", f->snapshot);
	bool ok = replace_file(f->snapshot, temporary, bytes, 0644);
	gossip_files_close(f); /* of the old file */
	return ok;
}

void gossip_files_snapshot(struct gossip_files *f, struct slice bytes, bool replace, bool sync, struct logbuf *log)
{
	if (!f->snapshot[0])
		return;
	bool ok = replace ? compact(f, bytes) : append(f, bytes, sync);
	if (!ok && !f->failed)
		log_err(log, "serf: Failed to update snapshot: %s: %s", f->snapshot, strerror(errno));
	f->failed = !ok;
}
