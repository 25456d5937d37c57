/* Templates in addresses, as go-sockaddr has them: {{ GetPrivateIP }}, {{ GetInterfaceIP "eth0" }},
 * {{ GetAllInterfaces | include "network" "10.0.0.0/8" | attr "address" }}.
 *
 * Of Go's template language: text, pipelines, parentheses, string and number literals; no conditions, no loops.
 * Names of interfaces are matched by expressions of literals, . [ ] * + ? ^ $ and \d. Pure: the interfaces are facts.
 */
#ifndef AGENT_CONFIG_TEMPLATE_H
#define AGENT_CONFIG_TEMPLATE_H

#include "core/agent/config_build.h"
#include "core/base/ip.h"

/* Text without "{{" comes back as it is. ERR_INVALID: the text of f says what was not understood. */
enum err config_template(
        struct slice text, const struct config_facts *facts, struct arena *a, struct slice *out, struct fail *f);

/* "10.0.0.0/8", "fe80::/10": false when it is no such thing. */
bool config_network_parse(struct slice text, struct ip *network, unsigned *bits);
bool config_network_has(const struct ip *network, unsigned bits, const struct ip *ip);

#endif
