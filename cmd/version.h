/* Which Consul this is: the version that peers and clients see, and our own revision beside it. */
#ifndef CMD_VERSION_H
#define CMD_VERSION_H

#define CONSUL_VERSION "1.0.8"

/* Our revision, as it stands in `build` tags ("1.0.8:revision") and in agent/self. */
extern const char consul_revision[];

/* What `consul version` shows, in the form in which members tell their build: "1.0.8:revision". */
extern const char consul_version_human[];

/* The protocol between servers. */
enum { PROTOCOL_VERSION = 2, PROTOCOL_VERSION_MIN = 2, PROTOCOL_VERSION_MAX = 3 };

#endif
