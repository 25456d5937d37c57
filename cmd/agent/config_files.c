#include "cmd/agent/config_files.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/version.h"
#include "core/base/ip.h"
#include "core/base/slice.h"
#include "net/socket.h"

/* Files found so far, in the order in which they count. */
struct files {
	struct config_source *at;
	size_t n, cap;
	struct arena *arena;
	struct fail *fail;
};

static enum err file_add(struct files *fs, struct slice name, struct slice data)
{
	if (fs->n == fs->cap) {
		size_t cap = fs->cap ? 2 * fs->cap : 16;
		struct config_source *at = ARENA_ARRAY(fs->arena, struct config_source, cap);
		if (!at)
			return fail_set(fs->fail, ERR_NO_MEMORY, "out of memory");
		if (fs->n)
			memcpy(at, fs->at, fs->n * sizeof(*at));
		fs->at = at;
		fs->cap = cap;
	}
	fs->at[fs->n++] = (struct config_source){name, data};
	return OK;
}

/* The whole of an open file. */
static enum err fd_read(int fd, struct files *fs, struct slice *out, const char **call)
{
	struct buf b = {.limit = CONFIG_FILE_MAX};
	ssize_t n = 1;
	*call = "read";
	while (n > 0) {
		char *room = buf_room(&b, 65536);
		errno = EFBIG;
		n = room ? read(fd, room, 65536) : -1;
		if (n > 0)
			buf_add(&b, (size_t)n);
	}
	int error = errno;
	*out = arena_copy(fs->arena, buf_view(&b));
	buf_free(&b);
	errno = error;
	return n < 0 ? ERR_IO : OK;
}

static enum err file_read(struct files *fs, struct slice name)
{
	char path[PATH_MAX];
	const char *call = "open";
	struct slice data = S_NONE;
	slice_cstr(name, path, sizeof(path));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e = fd < 0 ? ERR_IO : fd_read(fd, fs, &data, &call);
	int error = errno;
	if (fd >= 0)
		close(fd);
	if (e)
		return fail_set(fs->fail, e, "config: ReadFile failed on %s: %s %s: %s", path, call, path,
		        socket_error_text(error));
	return file_add(fs, name, data);
}

/* A link that leads nowhere: the name it leads to is the one to complain about. */
static enum err link_broken(struct files *fs, const char *path)
{
	char target[PATH_MAX];
	int error = errno;
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = 0;
	return fail_set(fs->fail, ERR_IO, "lstat %s: %s", target[0] == '/' ? target : path, socket_error_text(error));
}

/* One entry of a folder: sub-folders are passed over, links followed. */
static enum err entry_read(struct files *fs, struct slice folder, const char *entry)
{
	char path[PATH_MAX], real[PATH_MAX];
	struct stat st;
	bool slash = slice_ends(folder, S("/"));
	struct slice name = arena_str(fs->arena, "%.*s%s%s", PS(folder), slash ? "" : "/", entry);
	slice_cstr(name, path, sizeof(path));
	if (lstat(path, &st) < 0)
		return fail_set(fs->fail, ERR_IO, "lstat %s: %s", path, socket_error_text(errno));
	if (S_ISLNK(st.st_mode)) {
		if (!realpath(path, real) || stat(real, &st) < 0)
			return link_broken(fs, path);
		name = arena_str(fs->arena, "%s", real);
	}
	return S_ISDIR(st.st_mode) ? OK : file_read(fs, name);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_itself(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static enum err folder_read(struct files *fs, const char *path)
{
	struct dirent **entries = NULL;
	enum err e = OK;
	int n = scandir(path, &entries, not_itself, by_bytes);
	if (n < 0)
		return fail_set(fs->fail, ERR_IO, "config: Readdir failed on %s. open %s: %s", path, path,
		        socket_error_text(errno));
	struct slice folder = slice_of(path);
	if (slice_starts(folder, S("./")) && folder.n > 2)
		folder = slice_from(folder, 2); /* names as Go's filepath.Join cleans them */
	for (int i = 0; i < n; i++) {
		if (!e)
			e = entry_read(fs, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return e;
}

static enum err path_read(struct files *fs, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_set(fs->fail, ERR_IO, "config: Open failed on %s. open %s: %s", path, path,
		        socket_error_text(errno));
	int r = fstat(fd, &st), error = errno;
	close(fd);
	if (r < 0)
		return fail_set(fs->fail, ERR_IO, "config: Stat failed on %s. stat %s: %s", path, path,
		        socket_error_text(error));
	return S_ISDIR(st.st_mode) ? folder_read(fs, path) : file_read(fs, slice_of(path));
}

/* ---- the machine ---- */

enum { INTERFACES_MAX = 1024 };

static unsigned mask_bits(const struct sockaddr *mask)
{
	const uint8_t *b = mask->sa_family == AF_INET
	                           ? (const uint8_t *)&((const struct sockaddr_in *)(const void *)mask)->sin_addr
	                           : (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)mask)->sin6_addr;
	unsigned n = 0, most = mask->sa_family == AF_INET ? 32 : 128;
	while (n < most && (b[n / 8] & (0x80 >> n % 8)))
		n++;
	return n;
}

static bool address_text(const struct sockaddr *sa, struct arena *a, struct slice *out)
{
	char text[IP_TEXT];
	struct ip ip;
	if (!sa || (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
		return false;
	if (sa->sa_family == AF_INET)
		ip = ip_of_v4((const uint8_t *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr);
	else
		memcpy(ip.b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, IP_BYTES);
	*out = arena_copy(a, slice_at(text, ip_print(&ip, text)));
	return true;
}

/* The interface that the default route of IPv4 goes through; empty when there is none. */
static void default_route(char name[static IF_NAMESIZE])
{
	char line[256], found[IF_NAMESIZE];
	unsigned long to;
	name[0] = 0;
	FILE *routes = fopen("/proc/net/route", "re");
	while (routes && !name[0] && fgets(line, sizeof(line), routes))
		if (sscanf(line, "%15s %lx", found, &to) == 2 && to == 0)
			memcpy(name, found, sizeof(found));
	if (routes)
		fclose(routes);
}

static void interfaces_read(struct config_facts *facts, struct arena *a)
{
	struct ifaddrs *all = NULL;
	char route[IF_NAMESIZE];
	size_t most = 0;
	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *i = all; i && most < INTERFACES_MAX; i = i->ifa_next)
		most++;
	struct config_interface *out = ARENA_ARRAY(a, struct config_interface, most);
	default_route(route);
	facts->interfaces = out;
	for (const struct ifaddrs *i = all; out && i && facts->interface_count < most; i = i->ifa_next) {
		struct config_interface in = {.up = i->ifa_flags & IFF_UP, .loopback = i->ifa_flags & IFF_LOOPBACK};
		if (!address_text(i->ifa_addr, a, &in.ip))
			continue;
		in.name = arena_str(a, "%s", i->ifa_name);
		in.prefix_len = i->ifa_netmask ? mask_bits(i->ifa_netmask) : 0;
		in.is_default = route[0] && !strcmp(route, i->ifa_name);
		out[facts->interface_count++] = in;
	}
	freeifaddrs(all);
}

static struct config_facts facts_read(struct arena *a)
{
	char host[256] = "";
	struct config_facts facts = {.version = S(CONSUL_VERSION), .revision = slice_of(consul_revision)};
	gethostname(host, sizeof(host) - 1);
	facts.hostname = arena_str(a, "%s", host);
	interfaces_read(&facts, a);
	return facts;
}

/* ---- the data directory ---- */

static bool there(struct slice dir, const char *name, int *error)
{
	char path[PATH_MAX];
	struct stat st;
	if ((size_t)snprintf(path, sizeof(path), "%.*s/%s", PS(dir), name) >= sizeof(path))
		return false;
	errno = 0;
	bool yes = stat(path, &st) == 0;
	*error = errno;
	return yes;
}

static struct config_disk disk_read(const struct agent_config *c, struct arena *a)
{
	struct config_disk d = {0};
	char path[PATH_MAX];
	struct stat st;
	int error;
	if (!c->data_dir.n)
		return d;
	slice_cstr(c->data_dir, path, sizeof(path));
	if (stat(path, &st) == 0)
		d.data_dir_is_file = !S_ISDIR(st.st_mode);
	else if (errno != ENOENT)
		d.data_dir_error = arena_str(a, "stat %s: %s", path, socket_error_text(errno));
	d.lan_keyring = there(c->data_dir, "serf/local.keyring", &error);
	d.wan_keyring = there(c->data_dir, "serf/remote.keyring", &error);
	d.services = there(c->data_dir, "services", &error);
	d.mdb = there(c->data_dir, "mdb", &error);
	d.mdb_denied = !d.mdb && error == EACCES;
	return d;
}

/* ---- all together ---- */

static enum err refuse(struct config_loaded *out, const struct fail *f)
{
	out->report.error = arena_str(&out->arena, "%s", f->text);
	return ERR_INVALID;
}

enum err config_load(const struct agent_flags *flags, struct config_loaded *out)
{
	struct fail f = {0};
	*out = (struct config_loaded){0};
	struct files fs = {.arena = &out->arena, .fail = &f};
	for (size_t i = 0; i < flags->paths.n; i++)
		if (path_read(&fs, flags->paths.items[i]))
			return refuse(out, &f);
	struct slice *hcl = ARENA_ARRAY(&out->arena, struct slice, flags->hcl.n);
	for (size_t i = 0; hcl && i < flags->hcl.n; i++)
		hcl[i] = slice_of(flags->hcl.items[i]);
	struct config_facts facts = facts_read(&out->arena);
	struct config_input in = {.dev = flags->dev,
	        .format = flags->format,
	        .files = fs.at,
	        .file_count = fs.n,
	        .flags = &flags->config,
	        .hcl = hcl,
	        .hcl_count = hcl ? flags->hcl.n : 0,
	        .facts = &facts};
	struct agent_config *built = NULL;
	enum err e = config_build(&in, &out->arena, &built, &out->report);
	if (e)
		return e;
	out->disk = disk_read(built, &out->arena);
	e = config_check(built, &out->disk, &out->arena, &out->report);
	out->config = e ? NULL : built;
	return e;
}
