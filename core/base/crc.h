/* Checksums. Each continues from `crc`, which is 0 at the start.
 *
 * CRC-32 (IEEE 802.3) guards gossip packets and gzip; CRC-32C (Castagnoli) our own log; CRC-64/XZ (ECMA-182) the
 * snapshots of hashicorp/raft. */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include "core/base/types.h"

uint32_t crc32_ieee(uint32_t crc, const void *p, size_t n);
uint32_t crc32c(uint32_t crc, const void *p, size_t n); /* by the processor's instruction where there is one */
uint64_t crc64_xz(uint64_t crc, const void *p, size_t n);

#endif
