/* The real disk: a directory, held open, and the files below it.
 *
 * Directories are made 0755, files 0600. The texts name the whole path. */
#ifndef STORE_DISK_POSIX_H
#define STORE_DISK_POSIX_H

#include "store/disk.h"

struct disk_posix {
	struct disk disk;
	int fd;                   /* of the root */
	char root[DISK_PATH_MAX]; /* with a '/' at its end */
};

/* Makes the root if needed, opens it and locks it against other processes: a second one gets ERR_IO "… is in use by
 * another process". The lock goes with disk_posix_close or the end of the process. */
enum err disk_posix_open(struct disk_posix *d, const char *root, struct fail *f);
void disk_posix_close(struct disk_posix *d);

#endif
