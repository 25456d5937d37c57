/* The real disk. */
#include "store/disk_posix.h"

#include "core/base/must.h"
#include "core/base/slice.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int root_of(const struct disk *d)
{
	return ((const struct disk_posix *)d)->fd;
}

static enum err code_of(int errnum)
{
	switch (errnum) {
	case ENOENT: return ERR_ABSENT;
	case ENOSPC:
	case EDQUOT: return ERR_FULL;
	case ENOMEM: return ERR_NO_MEMORY;
	default: return ERR_IO;
	}
}

/* "<root><name>: <what>: <the system's words>" */
static enum err refused(const struct disk *d, const char *name, const char *what, struct fail *f)
{
	int errnum = errno;
	return fail_set(f, code_of(errnum), "%s%s: %s: %s", d->root, name, what, strerror(errnum));
}

static enum err refused_at(
        const struct disk *d, const struct disk_file *file, const char *what, size_t n, uint64_t at, struct fail *f)
{
	int errnum = errno;
	return fail_set(f, code_of(errnum), "%s%s: %s %zu bytes at offset %" PRIu64 ": %s", d->root, file->name, what,
	        n, at, strerror(errnum));
}

/* ---- directories ---- */

static int by_bytes(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* Names arrive one by one; the list doubles inside the arena. */
static bool add_name(struct arena *a, struct list *names, uint32_t *cap, const char *name)
{
	if (names->n == *cap) {
		uint32_t more = *cap ? *cap * 2 : 16;
		struct slice *items = arena_alloc(a, more * sizeof *items);
		if (!items)
			return false;
		if (names->n)
			memcpy(items, names->items, names->n * sizeof *items);
		names->items = items;
		*cap = more;
	}
	struct slice copy = arena_str(a, "%s", name);
	((struct slice *)names->items)[names->n++] = copy;
	return copy.p;
}

static enum err read_names(struct disk *d, const char *dir, DIR *h, struct arena *a, struct list *names, struct fail *f)
{
	uint32_t cap = 0;
	struct dirent *entry;
	while (errno = 0, entry = readdir(h)) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (!add_name(a, names, &cap, entry->d_name)) {
			errno = ENOMEM;
			break;
		}
	}
	if (errno)
		return refused(d, dir, "listing", f);
	if (names->n)
		qsort(names->items, names->n, sizeof(struct slice), by_bytes);
	return OK;
}

static enum err real_list(struct disk *d, const char *dir, struct arena *a, struct list *names, struct fail *f)
{
	*names = (struct list){0};
	int fd = openat(root_of(d), dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return refused(d, dir, "opening", f);
	DIR *h = fdopendir(fd);
	if (!h) {
		enum err e = refused(d, dir, "opening", f);
		close(fd);
		return e;
	}
	enum err e = read_names(d, dir, h, a, names, f);
	closedir(h);
	return e;
}

static enum err real_sync_dir(struct disk *d, const char *dir, struct fail *f)
{
	int fd = openat(root_of(d), *dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return refused(d, dir, "opening", f);
	enum err e = fsync(fd) ? refused(d, dir, "syncing", f) : OK;
	close(fd);
	return e;
}

/* One directory whose parent is there: path[0 … n). */
static enum err make_one(struct disk *d, const char *path, size_t n, struct fail *f)
{
	char name[DISK_PATH_MAX];
	slice_cstr((struct slice){path, n}, name, sizeof name);
	if (mkdirat(root_of(d), name, 0755))
		return errno == EEXIST ? OK : refused(d, name, "making the directory", f);
	char *slash = strrchr(name, '/');
	*(slash ? slash : name) = '\0';
	return real_sync_dir(d, name, f);
}

static enum err real_make_dir(struct disk *d, const char *dir, struct fail *f)
{
	enum err e = OK;
	for (size_t n = 1; !e && n <= strlen(dir); n++)
		if (dir[n] == '/' || dir[n] == '\0')
			e = make_one(d, dir, n, f);
	return e;
}

static enum err real_rename(struct disk *d, const char *from, const char *to, struct fail *f)
{
	int root = root_of(d);
	return renameat(root, from, root, to) ? refused(d, from, "renaming", f) : OK;
}

static enum err real_remove(struct disk *d, const char *name, struct fail *f)
{
	return unlinkat(root_of(d), name, 0) ? refused(d, name, "removing", f) : OK;
}

static enum err real_remove_dir(struct disk *d, const char *dir, struct fail *f)
{
	return unlinkat(root_of(d), dir, AT_REMOVEDIR) ? refused(d, dir, "removing", f) : OK;
}

/* ---- files ---- */

static void real_close(struct disk *d, struct disk_file *file)
{
	(void)d;
	close(file->handle);
	file->handle = -1;
}

static enum err real_open(struct disk *d, const char *name, enum disk_open how, struct disk_file *file, struct fail *f)
{
	static const int flags[] = {
	        [DISK_READ] = O_RDONLY,
	        [DISK_WRITE] = O_RDWR,
	        [DISK_CREATE] = O_RDWR | O_CREAT | O_TRUNC,
	};
	MUST(strlen(name) < sizeof file->name);
	struct stat st;
	*file = (struct disk_file){.handle = openat(root_of(d), name, flags[how] | O_CLOEXEC, 0600)};
	strcpy(file->name, name);
	if (file->handle < 0)
		return refused(d, name, "opening", f);
	if (fstat(file->handle, &st)) {
		enum err e = refused(d, name, "looking at", f);
		real_close(d, file);
		return e;
	}
	file->size = (uint64_t)st.st_size;
	return OK;
}

static enum err real_read(
        struct disk *d, struct disk_file *file, uint64_t at, void *p, size_t n, size_t *got, struct fail *f)
{
	*got = 0;
	while (*got < n) {
		ssize_t r = pread(file->handle, (char *)p + *got, n - *got, (off_t)(at + *got));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return refused_at(d, file, "reading", n, at, f);
		if (r == 0)
			break;
		*got += (size_t)r;
	}
	return OK;
}

static enum err real_write(struct disk *d, struct disk_file *file, uint64_t at, const void *p, size_t n, struct fail *f)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = pwrite(file->handle, (const char *)p + done, n - done, (off_t)(at + done));
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			errno = r ? errno : EIO;
			return refused_at(d, file, "writing", n, at, f);
		}
		done += (size_t)r;
	}
	return OK;
}

static enum err real_reserve(struct disk *d, struct disk_file *file, uint64_t size, struct fail *f)
{
	struct stat st;
	if (!fallocate(file->handle, 0, 0, (off_t)size))
		return OK;
	if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
		return refused(d, file->name, "reserving space", f);
	/* A file system that can't: the size at least, so that it does not change with each write. */
	if (fstat(file->handle, &st) || ((uint64_t)st.st_size < size && ftruncate(file->handle, (off_t)size)))
		return refused(d, file->name, "reserving space", f);
	return OK;
}

static enum err real_sync(struct disk *d, struct disk_file *file, struct fail *f)
{
	return fdatasync(file->handle) ? refused(d, file->name, "syncing", f) : OK;
}

/* ---- the root ---- */

static enum err open_root(struct disk_posix *d, struct fail *f)
{
	struct disk *k = &d->disk;
	d->fd = open(d->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0)
		return refused(k, "", "opening", f);
	if (!flock(d->fd, LOCK_EX | LOCK_NB))
		return OK;
	enum err e = errno == EWOULDBLOCK ? fail_set(f, ERR_IO, "%s is in use by another process", d->root)
	                                  : refused(k, "", "locking", f);
	close(d->fd);
	d->fd = -1;
	return e;
}

/* mkdir -p, each name on disk, by the same code as below the root: from "/" or from where we stand. */
static enum err make_root(const char *root, struct fail *f)
{
	struct disk_posix above = {.disk.root = root[0] == '/' ? "/" : ""};
	above.fd = open(root[0] == '/' ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above.fd < 0)
		return refused(&above.disk, "", "opening", f);
	enum err e = real_make_dir(&above.disk, root + strspn(root, "/"), f);
	close(above.fd);
	return e;
}

enum err disk_posix_open(struct disk_posix *d, const char *root, struct fail *f)
{
	*d = (struct disk_posix){
	        .fd = -1,
	        .disk = {NULL, real_list, real_make_dir, real_open, real_close, real_read, real_write, real_reserve,
	                real_sync, real_rename, real_remove, real_remove_dir, real_sync_dir},
	};
	size_t n = strlen(root);
	if (!n || n + 2 > sizeof d->root)
		return fail_set(f, ERR_INVALID, "\"%s\" can't be a data directory", root);
	snprintf(d->root, sizeof d->root, "%s%s", root, root[n - 1] == '/' ? "" : "/");
	d->disk.root = d->root;
	enum err e = make_root(root, f);
	return e ? e : open_root(d, f);
}

void disk_posix_close(struct disk_posix *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}
