#include "store/disk.h"

#include <inttypes.h>

#include "core/base/slice.h"

enum err disk_read_file(
        struct disk *d, const char *name, size_t max, struct arena *a, struct slice *out, struct fail *f)
{
	struct disk_file file;
	size_t got = 0;
	char *p = NULL;
	*out = S_NONE;
	enum err e = d->open(d, name, DISK_READ, &file, f);
	if (e)
		return e;
	if (file.size > max)
		e = fail_set(f, ERR_CORRUPT, "%s%s: too long: %" PRIu64 " bytes", d->root, name, file.size);
	else if (!(p = arena_alloc(a, (size_t)file.size)))
		e = fail_set(f, ERR_NO_MEMORY, "%s%s: no memory", d->root, name);
	e = e ? e : d->read(d, &file, 0, p, (size_t)file.size, &got, f);
	d->close(d, &file);
	*out = slice_at(p, got);
	return e;
}

enum err disk_write_file(struct disk *d, const char *name, struct slice bytes, bool sync, struct fail *f)
{
	struct disk_file file;
	enum err e = d->open(d, name, DISK_CREATE, &file, f);
	if (e)
		return e;
	e = d->write(d, &file, 0, bytes.p, bytes.n, f);
	e = e || !sync ? e : d->sync(d, &file, f);
	d->close(d, &file);
	return e;
}
