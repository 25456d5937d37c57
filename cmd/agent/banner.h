/* What an agent says on its terminal before the log begins. Source: Consul 1.0.8 command/agent/agent.go. */
#ifndef CMD_AGENT_BANNER_H
#define CMD_AGENT_BANNER_H

#include <stdio.h>

#include "core/agent/config_build.h"

/* Warnings as they are, one a line, to standard error, and our own notes. */
void banner_warnings(const struct config_report *report);

/* "==> " before a text: to standard output for what happens, to standard error for what went wrong. */
void banner_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void banner_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Four blanks before it: what follows from the line above. */
void banner_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* From "Consul agent running!" to "Log data will now stream in as it occurs:". */
void banner_running(const struct agent_config *c, const char *version, bool gossip_encrypted);

#endif
