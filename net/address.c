#include "net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>

#include "core/base/slice.h"

static bool parse_scope(struct slice name, uint32_t *out)
{
	char text[IF_NAMESIZE];
	if (!name.n || name.n >= sizeof text)
		return false;
	*out = if_nametoindex(slice_cstr(name, text, sizeof text));
	return *out != 0;
}

/* IPv4 mapped into IPv6 is IPv4 everywhere above. */
static void set_ip6(struct address *a, const uint8_t ip[16])
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	memset(a->ip, 0, sizeof a->ip);
	if (!memcmp(ip, mapped, sizeof mapped)) {
		a->kind = ADDRESS_IP4;
		memcpy(a->ip, ip + 12, 4);
	} else {
		a->kind = ADDRESS_IP6;
		memcpy(a->ip, ip, 16);
	}
}

bool address_parse_ip(struct slice text, struct address *out)
{
	struct address a = {0};
	char buf[ADDRESS_TEXT];
	if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
		text = slice_cut(text, 1, text.n - 1);
	ptrdiff_t percent = slice_find(text, '%');
	if (percent >= 0) {
		if (!parse_scope(slice_from(text, (size_t)percent + 1), &a.scope))
			return false;
		text = slice_cut(text, 0, (size_t)percent);
	}
	if (!text.n || text.n >= sizeof buf || memchr(text.p, 0, text.n))
		return false;
	slice_cstr(text, buf, sizeof buf);
	uint8_t ip[16];
	if (inet_pton(AF_INET, buf, ip) == 1 && !a.scope) {
		a.kind = ADDRESS_IP4;
		memcpy(a.ip, ip, 4);
	} else if (inet_pton(AF_INET6, buf, ip) == 1) {
		set_ip6(&a, ip);
	} else {
		return false;
	}
	*out = a;
	return true;
}

enum err address_split(struct slice text, struct slice *host, struct slice *port, struct fail *f)
{
	const char *wrong = NULL;
	ptrdiff_t colon = slice_find_last(text, ':');
	struct slice before = slice_cut(text, 0, colon < 0 ? 0 : (size_t)colon);
	if (colon < 0) {
		wrong = "missing port in address";
	} else if (text.p[0] == '[') {
		ptrdiff_t end = slice_find(text, ']');
		if (end < 0)
			wrong = "missing ']' in address";
		else if ((size_t)end + 1 == text.n)
			wrong = "missing port in address";
		else if (end + 1 != colon)
			wrong = text.p[end + 1] == ':' ? "too many colons in address" : "missing port in address";
		else
			*host = slice_cut(text, 1, (size_t)end);
	} else if (slice_find(before, ':') >= 0) {
		wrong = "too many colons in address";
	} else {
		*host = before;
	}
	if (!wrong && slice_find(*host, '[') >= 0)
		wrong = "unexpected '[' in address";
	if (!wrong && slice_find(*host, ']') >= 0)
		wrong = "unexpected ']' in address";
	if (wrong)
		return fail_set(f, ERR_INVALID, "address %.*s: %s", PS(text), wrong);
	*port = slice_from(text, (size_t)colon + 1);
	return OK;
}

static bool parse_port(struct slice text, uint16_t *out)
{
	uint32_t port = 0;
	if (!text.n || text.n > 5)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		port = port * 10 + (uint32_t)(text.p[i] - '0');
	}
	*out = (uint16_t)port;
	return port <= UINT16_MAX;
}

bool address_parse(struct slice text, struct address *out)
{
	struct slice host, port;
	if (slice_starts(text, S("unix://"))) {
		*out = (struct address){.kind = ADDRESS_UNIX, .path = text.p + 7};
		return text.n > 7;
	}
	struct address a;
	if (address_split(text, &host, &port, NULL) || !address_parse_ip(host, &a) || !parse_port(port, &a.port))
		return false;
	*out = a;
	return true;
}

static char *put_u32(char *at, uint32_t v)
{
	char digits[10];
	size_t n = 0;
	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		*at++ = digits[--n];
	return at;
}

static size_t print_ip4(const uint8_t ip[4], char *out)
{
	char *at = out;
	for (int i = 0; i < 4; i++) {
		if (i)
			*at++ = '.';
		at = put_u32(at, ip[i]);
	}
	*at = '\0';
	return (size_t)(at - out);
}

size_t address_print_ip(const struct address *a, char out[static ADDRESS_TEXT])
{
	switch (a->kind) {
	case ADDRESS_IP4: return print_ip4(a->ip, out);
	case ADDRESS_IP6: {
		inet_ntop(AF_INET6, a->ip, out, ADDRESS_TEXT);
		size_t n = strlen(out);
		char name[IF_NAMESIZE];
		if (a->scope && if_indextoname(a->scope, name) && n + strlen(name) + 2 <= ADDRESS_TEXT)
			n += (size_t)snprintf(out + n, ADDRESS_TEXT - n, "%%%s", name);
		return n;
	}
	case ADDRESS_UNIX: {
		struct slice path = slice_of(a->path && *a->path ? a->path : "@");
		slice_cstr(path, out, ADDRESS_TEXT);
		return strlen(out);
	}
	default: out[0] = '\0'; return 0;
	}
}

size_t address_print(const struct address *a, char out[static ADDRESS_TEXT])
{
	if (a->kind != ADDRESS_IP4 && a->kind != ADDRESS_IP6)
		return address_print_ip(a, out);
	char ip[ADDRESS_TEXT];
	size_t n = address_print_ip(a, ip);
	char *at = out;
	bool six = a->kind == ADDRESS_IP6;
	if (n > ADDRESS_TEXT - 9) /* "[", "]:65535", NUL; only a very long interface name gets here */
		n = ADDRESS_TEXT - 9;
	if (six)
		*at++ = '[';
	memcpy(at, ip, n);
	at += n;
	if (six)
		*at++ = ']';
	*at++ = ':';
	at = put_u32(at, a->port);
	*at = '\0';
	return (size_t)(at - out);
}

int address_cmp(const struct address *a, const struct address *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == ADDRESS_UNIX)
		return strcmp(a->path ? a->path : "", b->path ? b->path : "");
	int c = memcmp(a->ip, b->ip, sizeof a->ip);
	if (c)
		return c;
	if (a->scope != b->scope)
		return a->scope < b->scope ? -1 : 1;
	return (a->port > b->port) - (a->port < b->port);
}

bool address_is_any(const struct address *a)
{
	static const uint8_t zero[16];
	return (a->kind == ADDRESS_IP4 || a->kind == ADDRESS_IP6) && !memcmp(a->ip, zero, sizeof zero);
}

bool address_is_loopback(const struct address *a)
{
	static const uint8_t one[16] = {[15] = 1};
	if (a->kind == ADDRESS_IP4)
		return a->ip[0] == 127;
	return a->kind == ADDRESS_IP6 && !memcmp(a->ip, one, sizeof one);
}

bool address_is_private(const struct address *a)
{
	const uint8_t *ip = a->ip;
	if (a->kind == ADDRESS_IP4)
		return ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) || (ip[0] == 192 && ip[1] == 168) ||
		       (ip[0] == 100 && (ip[1] & 0xc0) == 64);
	return a->kind == ADDRESS_IP6 && (ip[0] & 0xfe) == 0xfc;
}

socklen_t address_to_sock(const struct address *a, union address_sock *out)
{
	memset(out, 0, sizeof *out);
	switch (a->kind) {
	case ADDRESS_IP4: {
		struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;
		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip, 4);
		return sizeof *in;
	}
	case ADDRESS_IP6: {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)(void *)out;
		in->sin6_family = AF_INET6;
		in->sin6_port = htons(a->port);
		in->sin6_scope_id = a->scope;
		memcpy(&in->sin6_addr, a->ip, 16);
		return sizeof *in;
	}
	case ADDRESS_UNIX: {
		size_t n = a->path ? strlen(a->path) : 0;
		if (!n || n >= sizeof out->un.sun_path)
			return 0;
		out->un.sun_family = AF_UNIX;
		memcpy(out->un.sun_path, a->path, n + 1);
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	}
	default: return 0;
	}
}

struct address address_of_sock(const struct sockaddr *sa)
{
	struct address a = {0};
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;
		a.kind = ADDRESS_IP4;
		a.port = ntohs(in->sin_port);
		memcpy(a.ip, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)sa;
		set_ip6(&a, (const uint8_t *)&in->sin6_addr);
		a.port = ntohs(in->sin6_port);
		a.scope = in->sin6_scope_id;
	} else if (sa->sa_family == AF_UNIX) {
		a.kind = ADDRESS_UNIX;
	}
	return a;
}

enum err address_resolve(
        const char *host, uint16_t port, struct address *out, unsigned max, unsigned *n, struct fail *f)
{
	struct addrinfo *all, want = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
	*n = 0;
	int e = getaddrinfo(host, NULL, &want, &all);
	if (e)
		return fail_set(
		        f, ERR_ABSENT, "lookup %s: %s", host, e == EAI_NONAME ? "no such host" : gai_strerror(e));
	for (const struct addrinfo *i = all; i && *n < max; i = i->ai_next) {
		struct address a = address_of_sock(i->ai_addr);
		a.port = port;
		if (a.kind != ADDRESS_NONE)
			out[(*n)++] = a;
	}
	freeaddrinfo(all);
	return *n ? OK : fail_set(f, ERR_ABSENT, "lookup %s: no such host", host);
}
