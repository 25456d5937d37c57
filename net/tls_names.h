/* The addresses that a certificate speaks for. BearSSL compares DNS names only; RFC 5280 4.2.1.6 has iPAddress, too. */
#ifndef NET_TLS_NAMES_H
#define NET_TLS_NAMES_H

#include "core/base/types.h"

/* Is the address (4 or 16 bytes) among the subject's alternative names? Any bytes may be given as a certificate. */
bool tls_names_address(struct slice der, struct slice ip);

#endif
