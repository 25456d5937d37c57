#include "core/base/crc.h"

#include "tests/test.h"

/* The check values of the CRC catalogue, for "123456789". */
TEST(crc, catalogue)
{
	CHECK(crc32_ieee(0, "123456789", 9) == 0xcbf43926u);
	CHECK(crc32c(0, "123456789", 9) == 0xe3069283u);
	CHECK(crc64_xz(0, "123456789", 9) == UINT64_C(0x995dc9bbdf1939fa));
}

TEST(crc, in_pieces_is_as_in_one)
{
	uint8_t bytes[257];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 131 + 7);
	for (size_t cut = 0; cut <= sizeof bytes; cut++) {
		CHECK(crc32c(crc32c(0, bytes, cut), bytes + cut, sizeof bytes - cut) == crc32c(0, bytes, sizeof bytes));
		CHECK(crc64_xz(crc64_xz(0, bytes, cut), bytes + cut, sizeof bytes - cut) ==
		        crc64_xz(0, bytes, sizeof bytes));
		CHECK(crc32_ieee(crc32_ieee(0, bytes, cut), bytes + cut, sizeof bytes - cut) ==
		        crc32_ieee(0, bytes, sizeof bytes));
	}
}
