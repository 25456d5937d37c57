/* Certificates of whoever answers: any bytes. */
#include "core/base/slice.h"
#include "net/tls_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	tls_names_address((struct slice){(const char *)p, n}, S("\x7f\0\0\x01"));
	return 0;
}
