/* Certificates of those whom we believe, from a file or a folder of PEM. Texts are those of hashicorp/go-rootcerts. */
#ifndef CMD_AUTHORITIES_H
#define CMD_AUTHORITIES_H

#include "net/tls.h"

/* "Error loading CA File: …" */
enum err authorities_file(const char *path, struct tls_trust **out, struct fail *f);
/* All files of a folder together; *out stays NULL when it is empty. "Error loading CA Path: …" */
enum err authorities_folder(const char *path, struct tls_trust **out, struct fail *f);

/* Who we are: a file with a chain of certificates and one with its key. */
enum err authorities_identity(const char *cert, const char *key, struct tls_identity **out, struct fail *f);
/* Those that the system trusts, read once for all threads; NULL: it has none, and nobody is trusted. */
const struct tls_trust *authorities_system(void);

#endif
