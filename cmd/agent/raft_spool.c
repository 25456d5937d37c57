#include "cmd/agent/raft_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static enum err failed(struct fail *f, const char *what)
{
	return fail_set(f, errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO, "a snapshot of a peer: %s: %s", what,
	        strerror(errno));
}

/* Some file systems have no files without a name. */
static int named_for_a_moment(int dir)
{
	int fd = openat(dir, "raft/peer.tmp", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0)
		unlinkat(dir, "raft/peer.tmp", 0);
	return fd;
}

enum err raft_spool_open(struct raft_spool *s, int dir, struct fail *f)
{
	*s = (struct raft_spool){.fd = -1};
	if (dir < 0)
		s->fd = memfd_create("raft snapshot", MFD_CLOEXEC);
	else if ((s->fd = openat(dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600)) < 0)
		s->fd = named_for_a_moment(dir);
	return s->fd < 0 ? failed(f, "open") : OK;
}

enum err raft_spool_write(struct raft_spool *s, struct slice bytes, struct fail *f)
{
	while (bytes.n) {
		ssize_t n = write(s->fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(f, "write");
		s->written += (size_t)n;
		bytes.p += n;
		bytes.n -= (size_t)n;
	}
	return OK;
}

enum err raft_spool_view(struct raft_spool *s, struct slice *out, struct fail *f)
{
	*out = (struct slice){"", 0};
	if (!s->written)
		return OK;
	void *p = mmap(NULL, s->written, PROT_READ, MAP_SHARED, s->fd, 0);
	if (p == MAP_FAILED)
		return failed(f, "mmap");
	s->map = p;
	*out = (struct slice){s->map, s->written};
	return OK;
}

void raft_spool_close(struct raft_spool *s)
{
	if (s->map)
		munmap((void *)(uintptr_t)s->map, s->written);
	if (s->fd >= 0)
		close(s->fd);
	*s = (struct raft_spool){.fd = -1};
}
