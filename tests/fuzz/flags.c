/* Any lines as the words behind a command: flags of every kind are read or refused with a sentence, and the list of
 * help can be made. */
#include "cmd/flags.h"
#include "core/base/must.h"
#include "core/base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 64, TEXT_MAX = 4096 };

static bool yes, own_yes, given;
static const char *text, *own_text;
static int64_t number, own_number;
static uint64_t count, own_count;
static dur_ns time, own_time;
static struct flag_list pairs, list;

static const struct flag own[] = {
        {"yes", FLAG_BOOL, &yes, "", &given},
        {"text", FLAG_STRING, &text, "A `word`."},
        {"int", FLAG_INT, &number, ""},
        {"uint", FLAG_UINT, &count, ""},
        {"time", FLAG_DURATION, &time, ""},
        {"pairs", FLAG_PAIRS, &pairs, ""},
        {"list", FLAG_LIST, &list, ""},
        {NULL},
};
static const struct flag shared[] = {
        {"own-yes", FLAG_OWN_BOOL, &own_yes, ""},
        {"own-text", FLAG_OWN_STRING, &own_text, ""},
        {"own-int", FLAG_OWN_INT, &own_number, ""},
        {"own-uint", FLAG_OWN_UINT, &own_count, ""},
        {"own-time", FLAG_OWN_DURATION, &own_time, ""},
        {NULL},
};
static const struct flag_set set = {own, {shared}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char bytes[TEXT_MAX], *words[WORDS_MAX], *at = bytes;
	size_t n = 0, rest = 0;
	struct fail f = {0};
	struct buf help = {0};
	if (size >= sizeof bytes)
		return 0;
	memcpy(bytes, data, size);
	bytes[size] = 0;
	for (char *word; n < WORDS_MAX && (word = strsep(&at, "\n"));)
		words[n++] = word;
	text = own_text = "";
	pairs.n = list.n = 0;
	enum flags_result r = flags_parse(&set, n, words, &rest, &f);
	MUST(r != FLAGS_OK || rest <= n);
	MUST(r != FLAGS_WRONG || f.text[0]);
	flags_help(&set, bytes, &help);
	buf_free(&help);
	return 0;
}
