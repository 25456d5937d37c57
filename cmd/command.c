#include "cmd/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "cmd/client.h"
#include "cmd/say.h"

int command_ask(command_task *task)
{
	struct client *c = client_for_command();
	int code = c ? task(c) : FAILED;
	client_close(c);
	return code;
}

int give_up(const char *what, const struct fail *f)
{
	complain("%s: %s", what, f->text);
	return FAILED;
}

struct flag_set page_flags(const struct command_page *page)
{
	struct flag_set set = {.own = page->flags};
	if (page->asks != ASKS_NOBODY)
		set.shared[0] = client_flags;
	if (page->asks == ASKS_SERVERS)
		set.shared[1] = server_flags;
	return set;
}

void page_show(const struct command_page *page, FILE *out)
{
	struct flag_set set = page_flags(page);
	struct buf text = {0};
	flags_help(&set, page->text ? page->text : "", &text);
	fflush(stdout);
	fprintf(out, "%.*s\n", PS(buf_view(&text)));
	buf_free(&text);
}

int misused(const struct command_page *page, const char *fmt, ...)
{
	fflush(stdout);
	va_list ap;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\n\n", stderr);
	page_show(page, stderr);
	return FAILED;
}

int too_many(size_t expected, size_t got)
{
	complain("Too many arguments (expected %zu, got %zu)", expected, got);
	return FAILED;
}
