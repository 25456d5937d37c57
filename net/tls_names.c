#include "net/tls_names.h"

#include "core/base/slice.h"

enum {
	TAG_OCTETS = 0x04,
	TAG_OID = 0x06,
	TAG_SEQUENCE = 0x30,
	TAG_ADDRESS = 0x87,    /* [7] of GeneralName */
	TAG_EXTENSIONS = 0xa3, /* [3] of TBSCertificate */
};

/* Takes the next value off `in`: its tag, and what it holds. False: there is none, or it is cut. */
static bool next(struct slice *in, uint8_t *tag, struct slice *holds)
{
	const uint8_t *p = (const uint8_t *)in->p;
	size_t at = 2, n;
	if (in->n < 2)
		return false;
	*tag = p[0];
	n = p[1];
	if (n & 0x80) {
		size_t bytes = n & 0x7f;
		if (!bytes || bytes > 3 || in->n < at + bytes)
			return false;
		for (n = 0; bytes; bytes--)
			n = n << 8 | p[at++];
	}
	if (in->n - at < n)
		return false;
	*holds = slice_cut(*in, at, at + n);
	*in = slice_from(*in, at + n);
	return true;
}

/* The first value with this tag; those before it are skipped. */
static bool find(struct slice *in, uint8_t wanted, struct slice *holds)
{
	uint8_t tag;
	while (next(in, &tag, holds))
		if (tag == wanted)
			return true;
	return false;
}

static bool has_address(struct slice octets, struct slice ip)
{
	struct slice names, name;
	if (!find(&octets, TAG_SEQUENCE, &names))
		return false;
	while (find(&names, TAG_ADDRESS, &name))
		if (slice_eq(name, ip))
			return true;
	return false;
}

bool tls_names_address(struct slice der, struct slice ip)
{
	struct slice certificate, body, wrapped, extensions, extension, id, octets;
	if (!find(&der, TAG_SEQUENCE, &certificate) || !find(&certificate, TAG_SEQUENCE, &body) ||
	        !find(&body, TAG_EXTENSIONS, &wrapped) || !find(&wrapped, TAG_SEQUENCE, &extensions))
		return false;
	while (find(&extensions, TAG_SEQUENCE, &extension))
		if (find(&extension, TAG_OID, &id) && slice_eq(id, S("\x55\x1d\x11")) &&
		        find(&extension, TAG_OCTETS, &octets) && has_address(octets, ip))
			return true;
	return false;
}
