#include "core/base/dns_message.h"

static const struct {
	uint16_t type;
	const char *name;
} types[] = {
        {0, "None"},
        {1, "A"},
        {2, "NS"},
        {3, "MD"},
        {4, "MF"},
        {5, "CNAME"},
        {6, "SOA"},
        {7, "MB"},
        {8, "MG"},
        {9, "MR"},
        {10, "NULL"},
        {12, "PTR"},
        {13, "HINFO"},
        {14, "MINFO"},
        {15, "MX"},
        {16, "TXT"},
        {17, "RP"},
        {18, "AFSDB"},
        {19, "X25"},
        {20, "ISDN"},
        {21, "RT"},
        {23, "NSAP-PTR"},
        {24, "SIG"},
        {25, "KEY"},
        {26, "PX"},
        {27, "GPOS"},
        {28, "AAAA"},
        {29, "LOC"},
        {30, "NXT"},
        {31, "EID"},
        {32, "NIMLOC"},
        {33, "SRV"},
        {34, "ATMA"},
        {35, "NAPTR"},
        {36, "KX"},
        {37, "CERT"},
        {39, "DNAME"},
        {41, "OPT"},
        {43, "DS"},
        {44, "SSHFP"},
        {46, "RRSIG"},
        {47, "NSEC"},
        {48, "DNSKEY"},
        {49, "DHCID"},
        {50, "NSEC3"},
        {51, "NSEC3PARAM"},
        {52, "TLSA"},
        {53, "SMIMEA"},
        {55, "HIP"},
        {56, "NINFO"},
        {57, "RKEY"},
        {58, "TALINK"},
        {59, "CDS"},
        {60, "CDNSKEY"},
        {61, "OPENPGPKEY"},
        {62, "CSYNC"},
        {99, "SPF"},
        {100, "UINFO"},
        {101, "UID"},
        {102, "GID"},
        {103, "UNSPEC"},
        {104, "NID"},
        {105, "L32"},
        {106, "L64"},
        {107, "LP"},
        {108, "EUI48"},
        {109, "EUI64"},
        {249, "TKEY"},
        {250, "TSIG"},
        {251, "IXFR"},
        {252, "AXFR"},
        {253, "MAILB"},
        {254, "MAILA"},
        {255, "ANY"},
        {256, "URI"},
        {257, "CAA"},
        {258, "AVC"},
        {32768, "TA"},
        {32769, "DLV"},
        {65535, "Reserved"},
};

void dns_type_put(struct buf *b, uint16_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (types[i].type == type) {
			buf_cstr(b, types[i].name);
			return;
		}
	}
	BUF_LIT(b, "TYPE");
	buf_u64(b, type);
}

/* ANY is a type, too, so the class 255 has no name. */
void dns_class_put(struct buf *b, uint16_t klass)
{
	switch (klass) {
	case 1: BUF_LIT(b, "IN"); break;
	case 2: BUF_LIT(b, "CS"); break;
	case 3: BUF_LIT(b, "CH"); break;
	case 4: BUF_LIT(b, "HS"); break;
	case 254: BUF_LIT(b, "NONE"); break;
	default: BUF_LIT(b, "CLASS"); buf_u64(b, klass);
	}
}
