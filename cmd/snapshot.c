/* consul snapshot: save, restore, inspect */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cmd/client.h"
#include "cmd/columns.h"
#include "cmd/command.h"
#include "cmd/input.h"
#include "cmd/say.h"
#include "core/api/snapshot_archive.h"
#include "core/base/slice.h"
#include "net/socket.h"

const struct command_page page_snapshot = {
        .text = "Usage: consul snapshot <subcommand> [options] [args]\n\n"
                "  Saves what the servers know (keys, catalog, sessions, queries, ACLs), all of one\n"
                "  moment, to a file, and restores it. With ACLs on this takes a management token.\n\n"
                "      $ consul snapshot save backup.snap\n"
                "      $ consul snapshot inspect backup.snap\n"
                "      $ consul snapshot restore backup.snap",
};

/* The one word that names the file; NULL, with a complaint, if it is not one. */
static const char *file_of(struct words words)
{
	if (words.n == 1)
		return words.at[0];
	if (words.n)
		too_many(1, words.n);
	else
		complain("Missing FILE argument");
	return NULL;
}

/* A command that names one file and asks an agent. */
static int with_file(struct words words, int (*command)(struct client *c, const char *path))
{
	const char *path = file_of(words);
	struct client *c = path ? client_for_command() : NULL;
	int code = c ? command(c, path) : FAILED;
	client_close(c);
	return code;
}

static int failed(const char *what, const struct fail *f)
{
	complain("%s: %s", what, f->text);
	return FAILED;
}

/* ---- save ---- */

const struct command_page page_snapshot_save = {
        .text = "Usage: consul snapshot save [options] FILE\n\n"
                "  Saves a snapshot, taken by the leader, to a file, and checks what was written.\n\n"
                "      $ consul snapshot save backup.snap\n\n"
                "  From any server, perhaps not the newest, when there is no leader:\n\n"
                "      $ consul snapshot save -stale backup.snap",
        .asks = ASKS_SERVERS,
};

static enum err write_all(int fd, struct slice bytes, struct fail *f)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno != EINTR)
			return fail_set(f, ERR_IO, "write: %s", socket_error_text(errno));
		bytes = slice_from(bytes, n > 0 ? (size_t)n : 0);
	}
	return OK;
}

static int file_write(const char *path, struct slice bytes)
{
	struct fail f;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		complain("Error creating snapshot file: open %s: %s", path, socket_error_text(errno));
		return FAILED;
	}
	if (write_all(fd, bytes, &f) != OK) {
		close(fd);
		return failed("Error writing snapshot file", &f);
	}
	if (close(fd) != 0) {
		complain("Error closing snapshot file after writing: close %s: %s", path, socket_error_text(errno));
		return FAILED;
	}
	return DONE;
}

/* Reads a file and checks it. The complaints begin with `open` and `check`. */
static int file_verify(
        const char *path, const char *opening, const char *checking, struct arena *a, struct snapshot_meta *meta)
{
	struct fail f;
	struct buf archive = {0}, tar = {0};
	struct slice state;
	int code = DONE;
	if (input_file(path, &archive, &f) != OK)
		code = failed(opening, &f);
	else if (snapshot_unpack(buf_view(&archive), &tar, a, meta, &state, &f) != OK)
		code = failed(checking, &f);
	buf_free(&archive);
	buf_free(&tar);
	return code;
}

static int save(struct client *c, const char *path)
{
	struct fail f;
	struct client_answer a;
	struct snapshot_meta meta;
	struct client_request r = client_request(c, "GET", "/v1/snapshot");
	request_stale(&r);
	if (client_ask_ok(c, &r, &a, &f) != OK)
		return failed("Error saving snapshot", &f);
	if (file_write(path, a.body) != DONE ||
	        file_verify(path, "Error opening snapshot file for verify", "Error verifying snapshot file",
	                client_arena(c), &meta) != DONE)
		return FAILED;
	say("Saved and verified snapshot to index %llu", (unsigned long long)a.index);
	return DONE;
}

int cmd_snapshot_save(struct words words)
{
	return with_file(words, save);
}

/* ---- restore ---- */

const struct command_page page_snapshot_restore = {
        .text = "Usage: consul snapshot restore [options] FILE\n\n"
                "  Puts the snapshot from a file in place of all that the servers know. Meant for\n"
                "  the day after a disaster, with fresh servers: a server that fails meanwhile is\n"
                "  not provided for.\n\n"
                "      $ consul snapshot restore backup.snap",
        .asks = ASKS_SERVERS,
};

static int restore(struct client *c, const char *path)
{
	struct fail f;
	struct client_answer a;
	struct buf archive = {0};
	int code = DONE;
	struct client_request r = client_request(c, "PUT", "/v1/snapshot");
	if (input_file(path, &archive, &f) != OK) {
		code = failed("Error opening snapshot file", &f);
	} else {
		request_body(&r, buf_view(&archive));
		if (client_ask_ok(c, &r, &a, &f) != OK)
			code = failed("Error restoring snapshot", &f);
		else
			say("Restored snapshot");
	}
	buf_free(&archive);
	return code;
}

int cmd_snapshot_restore(struct words words)
{
	return with_file(words, restore);
}

/* ---- inspect ---- */

const struct command_page page_snapshot_inspect = {
        .text = "Usage: consul snapshot inspect [options] FILE\n\n"
                "  Checks the snapshot in a file and tells what it is.\n\n"
                "      $ consul snapshot inspect backup.snap",
};

int cmd_snapshot_inspect(struct words words)
{
	struct arena a = {0};
	struct snapshot_meta m;
	const char *path = file_of(words);
	int code = path ? file_verify(path, "Error opening snapshot file", "Error verifying snapshot", &a, &m) : FAILED;
	if (code == DONE) {
		struct buf lines = {0}, table = {0};
		buf_fmt(&lines, "ID\t%.*s\nSize\t%llu\nIndex\t%llu\nTerm\t%llu\nVersion\t%llu\n", PS(m.id),
		        (unsigned long long)m.size, (unsigned long long)m.index, (unsigned long long)m.term,
		        (unsigned long long)m.version);
		tabs_format(buf_view(&lines), &table);
		say_bytes(buf_view(&table));
		buf_free(&lines);
		buf_free(&table);
	}
	arena_free(&a);
	return code;
}
