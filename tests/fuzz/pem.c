/* Any bytes as PEM files: roots, and a chain with its key, a NUL between the two. */
#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice key = slice_at(data, size), chain = slice_next(&key, 0);
	struct tls_identity *identity = NULL;
	struct tls_trust *trust = NULL;
	struct fail f = {0};
	if (tls_trust_new(chain, &trust, &f) == OK)
		tls_trust_free(trust);
	else
		MUST(f.text[0]);
	if (tls_identity_new(chain, key, &identity, &f) == OK)
		tls_identity_free(identity);
	else
		MUST(f.text[0]);
	return 0;
}
