#include "core/api/dns_name.h"

#include "core/base/slice.h"

/* Labels [from, to) with the dots between them. */
static struct slice span(const char *text, const struct dns_labels *l, unsigned from, unsigned to)
{
	return to > from ? slice_at(text + l->at[from], (size_t)(l->at[to] - l->at[from] - 1)) : S_NONE;
}

static struct slice label(const char *text, const struct dns_labels *l, unsigned i)
{
	return span(text, l, i, i + 1);
}

static bool is_underscored(struct slice s)
{
	return s.n && s.p[0] == '_';
}

/* `n` labels before "service". */
static void service_of(const char *text, const struct dns_labels *l, unsigned n, struct dns_meaning *m)
{
	m->kind = DNS_MEANS_SERVICE;
	m->name = label(text, l, n - 1);
	if (n != 2 || !is_underscored(m->name) || !is_underscored(label(text, l, 0))) {
		m->tag = span(text, l, 0, n - 1); /* a tag may have dots */
		return;
	}
	/* RFC 2782: _name._tag, where _tcp is any tag */
	m->tag = slice_from(m->name, 1);
	if (slice_is(m->tag, "tcp"))
		m->tag = S_NONE;
	m->name = slice_from(label(text, l, 0), 1);
}

/* `n` labels before the word that says what kind of name it is. */
static bool means(const char *text, const struct dns_labels *l, unsigned n, struct slice word, struct dns_meaning *m)
{
	static const struct {
		const char *word;
		enum dns_meaning_kind kind;
	} words[] = {{"service", DNS_MEANS_SERVICE}, {"node", DNS_MEANS_NODE}, {"query", DNS_MEANS_QUERY},
	        {"addr", DNS_MEANS_ADDRESS}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!slice_is(word, words[i].word))
			continue;
		if (!n || (words[i].kind == DNS_MEANS_ADDRESS && n != 1))
			return true; /* nothing */
		m->kind = words[i].kind;
		m->name = span(text, l, 0, n);
		if (m->kind == DNS_MEANS_SERVICE)
			service_of(text, l, n, m);
		return true;
	}
	return false;
}

struct dns_meaning dns_meaning_of(const char *text, const struct dns_labels *l, unsigned n, uint16_t type)
{
	struct dns_meaning m = {.kind = DNS_MEANS_NOTHING};
	/* The last label says the kind, or is the datacenter and the one before says it. */
	for (int round = 0; n && round < 2; round++) {
		struct slice last = label(text, l, n - 1);
		if (type == DNS_SRV && is_underscored(last)) {
			service_of(text, l, n, &m); /* "service" may be left out */
			return m;
		}
		if (means(text, l, n - 1, last, &m))
			return m;
		m.datacenter = last;
		n--;
	}
	return m;
}
