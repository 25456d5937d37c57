/* Huffman codes of limited length (RFC 1951 3.2.2), for packing. */
#ifndef BASE_HUFFMAN_H
#define BASE_HUFFMAN_H

#include "core/base/types.h"

enum { HUFFMAN_SYMBOLS_MAX = 288 };

/* The length of each symbol's code, 0 for those that do not occur; no longer than `longest`. Of a single symbol: 1.
 * Precondition: n <= HUFFMAN_SYMBOLS_MAX, 2^longest >= n; the sum of counts fits in 32 bits. */
void huffman_lengths(const uint32_t *counts, unsigned n, unsigned longest, uint8_t *lengths);

/* The codes of these lengths, their first bit lowest, as deflate writes them. */
void huffman_codes(const uint8_t *lengths, unsigned n, uint16_t *codes);

#endif
