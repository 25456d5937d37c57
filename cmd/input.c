/* Data from the command line, a file, or standard input. */
#include "cmd/input.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/base/slice.h"
#include "net/socket.h"

enum { PIECE = 64 * 1024 };

static enum err all_read(int fd, const char *what, struct buf *out, struct fail *f)
{
	for (;;) {
		char *room = buf_room(out, PIECE);
		if (!room)
			return fail_set(f, ERR_NO_MEMORY, "out of memory");
		ssize_t n = read(fd, room, PIECE);
		if (n == 0)
			return OK;
		if (n > 0)
			buf_add(out, (size_t)n);
		else if (errno != EINTR)
			return fail_set(f, ERR_IO, "read %s: %s", what, socket_error_text(errno));
	}
}

enum err input_file(const char *path, struct buf *out, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_set(f, ERR_IO, "open %s: %s", path, socket_error_text(errno));
	enum err e = all_read(fd, path, out, f);
	close(fd);
	return e;
}

enum err input_stdin(struct buf *out, struct fail *f)
{
	return all_read(STDIN_FILENO, "/dev/stdin", out, f);
}

enum err input_word(const char *word, struct buf *out, struct fail *f)
{
	if (word[0] == '@')
		return input_file(word + 1, out, f) == OK ? OK : fail_wrap(f, "Failed to read file");
	if (word[0] == '-' && !word[1])
		return input_stdin(out, f) == OK ? OK : fail_wrap(f, "Failed to read stdin");
	buf_cstr(out, word);
	return OK;
}
