#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>

enum err fail_set(struct fail *f, enum err code, const char *fmt, ...)
{
	if (!f)
		return code;
	f->code = code;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
	return code;
}

enum err fail_wrap(struct fail *f, const char *fmt, ...)
{
	if (!f)
		return ERR_FAILED;
	char front[FAIL_TEXT_MAX], whole[2 * FAIL_TEXT_MAX + 4];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(front, sizeof front, fmt, ap);
	va_end(ap);
	snprintf(whole, sizeof whole, "%s: %s", front, f->text);
	memcpy(f->text, whole, sizeof f->text - 1);
	f->text[sizeof f->text - 1] = '\0';
	return f->code;
}

const char *err_name(enum err e)
{
	static const char *const names[] = {
	        [OK] = "ok",
	        [ERR_INVALID] = "invalid",
	        [ERR_FAILED] = "failed",
	        [ERR_DENIED] = "denied",
	        [ERR_ABSENT] = "absent",
	        [ERR_NO_LEADER] = "no leader",
	        [ERR_NO_PATH] = "no path",
	        [ERR_FULL] = "full",
	        [ERR_NO_MEMORY] = "no memory",
	        [ERR_IO] = "i/o",
	        [ERR_TORN] = "torn",
	        [ERR_CORRUPT] = "corrupt",
	        [ERR_TIMEOUT] = "timeout",
	        [ERR_CLOSED] = "closed",
	};
	return (size_t)e < ARRAY_LEN(names) && names[e] ? names[e] : "unknown";
}
