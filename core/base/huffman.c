/* Huffman codes: lengths by the two queues of sorted weights, cut to the limit as zlib's users know it. */
#include "core/base/huffman.h"

#include <stdlib.h>

#include "core/base/must.h"

enum { LENGTH_MAX = 15, NODES_MAX = 2 * HUFFMAN_SYMBOLS_MAX };

struct node {
	uint32_t weight;
	uint16_t symbol; /* of a leaf */
	uint16_t parent;
};

static int by_weight(const void *a, const void *b)
{
	const struct node *x = a, *y = b;
	if (x->weight != y->weight)
		return x->weight < y->weight ? -1 : 1;
	return (int)x->symbol - (int)y->symbol;
}

/* Leaves stand sorted in front, inner nodes come out sorted behind them: the lightest is at one of two heads. Returns
 * the number of nodes; the last is the root. */
static unsigned tree_make(struct node *nodes, unsigned leaves)
{
	unsigned leaf = 0, inner = leaves, end = leaves;
	while (end < 2 * leaves - 1) {
		uint32_t weight = 0;
		for (int side = 0; side < 2; side++) {
			bool from_leaves = leaf < leaves && (inner == end || nodes[leaf].weight <= nodes[inner].weight);
			struct node *light = &nodes[from_leaves ? leaf++ : inner++];
			light->parent = (uint16_t)end;
			weight += light->weight;
		}
		nodes[end++].weight = weight;
	}
	return end;
}

/* How many leaves lie how deep, the deeper ones counted as `longest`. */
static void depths_count(const struct node *nodes, unsigned leaves, unsigned end, unsigned longest, unsigned *count)
{
	uint8_t depth[NODES_MAX];
	depth[end - 1] = 0;
	for (unsigned i = end - 1; i-- > 0;) {
		unsigned d = depth[nodes[i].parent] + 1U;
		depth[i] = (uint8_t)(d < 255 ? d : 255);
		if (i < leaves)
			count[d < longest ? d : longest]++;
	}
}

/* Too many codes of the greatest length: each step lengthens a shorter one by a bit, which makes room for one more
 * beside it, until the sum of 2^-length is 1 again. */
static void depths_limit(unsigned *count, unsigned longest)
{
	uint32_t used = 0;
	for (unsigned len = 1; len <= longest; len++)
		used += count[len] << (longest - len);
	while (used > 1U << longest) {
		unsigned len = longest - 1;
		while (!count[len])
			len--;
		count[len]--;
		count[len + 1] += 2;
		count[longest]--;
		used--;
	}
}

void huffman_lengths(const uint32_t *counts, unsigned n, unsigned longest, uint8_t *lengths)
{
	struct node nodes[NODES_MAX];
	unsigned count[LENGTH_MAX + 1] = {0}, leaves = 0;
	MUST(n <= HUFFMAN_SYMBOLS_MAX && longest <= LENGTH_MAX && n <= 1U << longest);
	memset(lengths, 0, n);
	for (unsigned i = 0; i < n; i++)
		if (counts[i])
			nodes[leaves++] = (struct node){.weight = counts[i], .symbol = (uint16_t)i};
	if (leaves < 2) {
		if (leaves)
			lengths[nodes[0].symbol] = 1;
		return;
	}
	qsort(nodes, leaves, sizeof nodes[0], by_weight);
	depths_count(nodes, leaves, tree_make(nodes, leaves), longest, count);
	depths_limit(count, longest);
	unsigned next = 0; /* the lightest get the longest codes */
	for (unsigned len = longest; len > 0; len--)
		for (unsigned k = 0; k < count[len]; k++)
			lengths[nodes[next++].symbol] = (uint8_t)len;
}

static uint16_t reversed(unsigned code, unsigned bits)
{
	unsigned v = 0;
	for (; bits; bits--, code >>= 1)
		v = v << 1 | (code & 1);
	return (uint16_t)v;
}

void huffman_codes(const uint8_t *lengths, unsigned n, uint16_t *codes)
{
	unsigned count[LENGTH_MAX + 1] = {0}, next[LENGTH_MAX + 1] = {0};
	for (unsigned i = 0; i < n; i++)
		count[lengths[i]]++;
	count[0] = 0;
	for (unsigned len = 1; len <= LENGTH_MAX; len++)
		next[len] = (next[len - 1] + count[len - 1]) << 1;
	for (unsigned i = 0; i < n; i++)
		codes[i] = lengths[i] ? reversed(next[lengths[i]]++, lengths[i]) : 0;
}
