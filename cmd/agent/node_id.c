#include "cmd/agent/node_id.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/rand.h"
#include "core/base/slice.h"
#include "net/socket.h"

enum { PATH_TEXT = 4096 };

static struct slice lower_copy(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n + 1);
	for (size_t i = 0; p && i < s.n; i++)
		p[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]);
	return p ? slice_at(p, s.n) : S_NONE;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* go-uuid's ParseUUID. */
static enum err id_check(struct slice id, struct fail *f)
{
	if (id.n != UUID_TEXT)
		return fail_set(f, ERR_INVALID, "uuid string is wrong length");
	if (id.p[8] != '-' || id.p[13] != '-' || id.p[18] != '-' || id.p[23] != '-')
		return fail_set(f, ERR_INVALID, "uuid is improperly formatted");
	for (size_t i = 0; i < id.n; i++)
		if (i != 8 && i != 13 && i != 18 && i != 23 && !is_hex(id.p[i]))
			return fail_set(f, ERR_INVALID, "encoding/hex: invalid byte: U+%04X '%c'",
			        (unsigned char)id.p[i], id.p[i]);
	return OK;
}

static enum err id_random(struct arena *a, struct slice *out, struct fail *f)
{
	uint8_t b[16];
	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		return fail_set(f, ERR_IO, "failed to read random bytes: %s", socket_error_text(errno));
	*out = arena_str(a, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
	        b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return OK;
}

/* OK with an empty id: there is no such file. */
static enum err id_remembered(const char *path, struct arena *a, struct slice *out, struct fail *f)
{
	char text[256];
	*out = S_NONE;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return OK;
	if (fd < 0)
		return fail_set(f, ERR_IO, "open %s: %s", path, socket_error_text(errno));
	ssize_t n = read(fd, text, sizeof(text));
	close(fd);
	if (n < 0)
		return fail_set(f, ERR_IO, "read %s: %s", path, socket_error_text(errno));
	*out = lower_copy(a, slice_trim(slice_at(text, (size_t)n)));
	return id_check(*out, f);
}

/* Every directory above the file. */
static enum err folders_make(char *path, struct fail *f)
{
	for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = 0;
		int r = mkdir(path, 0755);
		if (r < 0 && errno != EEXIST) {
			fail_set(f, ERR_IO, "mkdir %s: %s", path, socket_error_text(errno));
			*at = '/';
			return ERR_IO;
		}
		*at = '/';
	}
	return OK;
}

static enum err id_remember(char *path, struct slice id, struct fail *f)
{
	enum err e = folders_make(path, f);
	if (e)
		return e;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_set(f, ERR_IO, "open %s: %s", path, socket_error_text(errno));
	if (write(fd, id.p, id.n) != (ssize_t)id.n)
		e = fail_set(f, ERR_IO, "write %s: %s", path, socket_error_text(errno));
	if (close(fd) < 0 && !e)
		e = fail_set(f, ERR_IO, "write %s: %s", path, socket_error_text(errno));
	return e;
}

enum err node_id_setup(struct agent_config *c, struct arena *a, struct fail *f)
{
	char path[PATH_TEXT];
	struct slice id = S_NONE;
	if (c->node_id.n) {
		c->node_id = lower_copy(a, c->node_id);
		return id_check(c->node_id, f);
	}
	if (c->dev_mode) {
		c->node_id_made = true;
		return id_random(a, &c->node_id, f);
	}
	if (c->data_dir.n + sizeof("/node-id") > sizeof(path))
		return fail_set(f, ERR_INVALID, "data_dir: file name too long");
	slice_cstr(arena_str(a, "%.*s/node-id", PS(c->data_dir)), path, sizeof(path));
	enum err e = id_remembered(path, a, &id, f);
	if (!e && !id.n) {
		c->node_id_made = true;
		e = id_random(a, &id, f);
		e = e ? e : id_remember(path, id, f);
	}
	c->node_id = id;
	return e;
}
