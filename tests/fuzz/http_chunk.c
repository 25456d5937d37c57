/* Any bytes as a chunked body: cut in two at any place they give the same data, state and end as in one piece. */
#include <stdlib.h>

#include "core/base/must.h"
#include "net/http_chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2)
		return 0;
	size_t cut = (size_t)(data[0] << 8 | data[1]);
	n -= 2;
	cut = n ? cut % (n + 1) : 0;
	char *whole = malloc(n + 1), *pieces = malloc(n + 1);
	memcpy(whole, data + 2, n);
	memcpy(pieces, data + 2, n);
	struct http_chunk a = {0}, b = {0};
	size_t used, made, used1, made1, used2 = 0, made2 = 0;
	enum http_chunk_state one = http_chunk_read(&a, whole, n, whole, &used, &made);
	enum http_chunk_state two = http_chunk_read(&b, pieces, cut, pieces, &used1, &made1);
	if (two == HTTP_CHUNK_MORE)
		two = http_chunk_read(&b, pieces + cut, n - cut, pieces + made1, &used2, &made2);
	MUST(one == two && used == used1 + used2 && made == made1 + made2 && made <= used && used <= n);
	MUST(!memcmp(whole, pieces, made));
	MUST((one == HTTP_CHUNK_BAD) == (a.error != NULL));
	free(whole);
	free(pieces);
	return 0;
}
