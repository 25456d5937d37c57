#include "cmd/agent/listeners.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/slice.h"
#include "net/socket.h"

/* The path of a unix socket has to stay: it lives in the configuration's arena, which arena_copy ended with a NUL. */
static bool address_of(const struct config_addr *from, struct address *to)
{
	if (from->kind == CONFIG_ADDR_UNIX) {
		*to = (struct address){.kind = ADDRESS_UNIX, .path = from->host.p};
		return true;
	}
	if (!address_parse_ip(from->host, to))
		return false;
	to->port = from->port;
	return true;
}

static enum err open_one(
        struct process *p, struct front_socket *l, const struct config_addr *addr, bool udp, struct fail *f)
{
	struct address a;
	l->addr = *addr;
	for (unsigned i = 0; i < FRONTS_MAX; i++)
		l->fd[i] = -1;
	if (!address_of(addr, &a))
		return fail_set(f, ERR_INVALID, "%.*s is no address", PS(addr->host));
	unsigned n = a.kind == ADDRESS_UNIX ? 1 : p->front_count;
	struct slice mode = p->config->unix_socket_mode;
	struct socket_listen how = {.reuse_port = n > 1};
	if (a.kind == ADDRESS_UNIX && mode.n) {
		char text[16];
		how.mode = (mode_t)strtoul(slice_cstr(mode, text, sizeof text), NULL, 8);
	}
	for (unsigned i = 0; i < n; i++) {
		l->fd[i] = udp ? socket_udp(&a, n > 1, f) : socket_listen(&a, &how, f);
		if (l->fd[i] < 0)
			return f->code;
	}
	return OK;
}

/* A port shared by our own fronts would also be shared with another agent of the same user: ask for it alone first. */
static enum err probe(const struct config_addr *addr, bool udp, struct fail *f)
{
	struct address a;
	if (addr->kind == CONFIG_ADDR_UNIX || !address_of(addr, &a))
		return OK;
	struct socket_listen how = {0};
	int fd = udp ? socket_udp(&a, false, f) : socket_listen(&a, &how, f);
	if (fd < 0)
		return f->code;
	close(fd);
	return OK;
}

static enum err open_all(
        struct process *p, struct front_socket *to, unsigned *n, struct list addrs, int only_kind, struct fail *f)
{
	const struct config_addr *a = addrs.items;
	for (uint32_t i = 0; i < addrs.n; i++) {
		if (a[i].kind == CONFIG_ADDR_NONE || (only_kind >= 0 && (int)a[i].kind != only_kind))
			continue;
		if (*n == LISTENERS_MAX)
			return fail_set(f, ERR_FULL, "too many addresses to listen on");
		bool udp = a[i].kind == CONFIG_ADDR_UDP;
		enum err e = probe(&a[i], udp, f);
		e = e ? e : open_one(p, &to[(*n)++], &a[i], udp, f);
		if (e)
			return e;
	}
	return OK;
}

enum err listeners_open(struct process *p, struct fail *f)
{
	const struct agent_config *c = p->config;
	enum err e = open_all(p, p->dns_tcp, &p->dns_tcp_count, c->dns_addrs, CONFIG_ADDR_TCP, f);
	e = e ? e : open_all(p, p->dns_udp, &p->dns_udp_count, c->dns_addrs, CONFIG_ADDR_UDP, f);
	e = e ? e : open_all(p, p->http, &p->http_count, c->http_addrs, -1, f);
	unsigned plain = p->http_count;
	e = e ? e : open_all(p, p->http, &p->http_count, c->https_addrs, -1, f);
	for (unsigned i = plain; i < p->http_count; i++) /* Consul speaks plainly over a unix socket */
		p->http[i].tls = p->http[i].addr.kind == CONFIG_ADDR_TCP;
	e = e ? e : rpc_tls_load(&p->rpc_tls, c, f);
	e = e ? e : https_load(&p->https, c, f);
	e = e ? e : open_all(p, p->ipc, &p->ipc_count, c->ipc_addrs, -1, f);
	struct config_addr rpc = c->server_addr;
	return e || !c->server_mode ? e : open_all(p, p->rpc, &p->rpc_count, (struct list){&rpc, 1}, -1, f);
}

void listeners_close(struct process *p)
{
	for (unsigned i = 0; i < p->http_count; i++)
		if (p->http[i].addr.kind == CONFIG_ADDR_UNIX)
			unlink(p->http[i].addr.host.p);
	for (unsigned i = 0; i < p->ipc_count; i++)
		if (p->ipc[i].addr.kind == CONFIG_ADDR_UNIX)
			unlink(p->ipc[i].addr.host.p);
}
