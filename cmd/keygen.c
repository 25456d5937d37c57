/* consul keygen */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "cmd/command.h"
#include "cmd/say.h"
#include "core/base/enc.h"
#include "core/base/slice.h"

enum { KEY_BYTES = 16 };

const struct command_page page_keygen = {
        .text = "Usage: consul keygen\n\n"
                "  Makes a key from random numbers, for encrypting the gossip between agents, and\n"
                "  prints it in the form in which an agent takes it (-encrypt).",
};

int cmd_keygen(struct words words)
{
	(void)words;
	char key[KEY_BYTES];
	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key)) {
		complain("Error reading random data: %s", strerror(errno));
		return FAILED;
	}
	struct buf text = {0};
	base64_put(&text, slice_at(key, sizeof(key)));
	say_bytes(buf_view(&text));
	buf_free(&text);
	return DONE;
}
