/* Shared by the files that hold the rows of options: tables that others refer to, and paragraphs that several have in
 * common. Private to model/. */
#pragma once
#include "model/opt.h"

extern const struct opt_table conf_http_table, conf_tcp_table, conf_udp_table;
extern const struct opt_table conf_tls_table, conf_router_tls_table, conf_transport_table, conf_certificate_table;
extern const struct opt_table conf_entry_table, conf_kernel_table, conf_control_table;

extern const char *const conf_rule_syntaxes[]; /* by enum rule_syntax */

void conf_check_priority(struct opt_ctx *c, const void *value, struct place at, const char *key);

#define CONF_DOC_ENTRY_POINTS                                                                                         \
	"Names of the entry points the router listens to. Without it the router is attached to every entry point of " \
	"its protocol "                                                                                               \
	"that says asDefault, or to all of them except traefik when none does."
#define CONF_DOC_PRIORITY                                                                                           \
	"The router with the highest priority that matches wins. 0 takes the length of the rule, so that the more " \
	"specific rule "                                                                                            \
	"usually comes first; negative numbers come after every rule without a priority."
#define CONF_DOC_RULE_SYNTAX                                                                                      \
	"How the rule is written. v2 is Traefik 2's: several values in one matcher, {name:pattern} in hosts and " \
	"paths, Headers and HeadersRegexp. default is what core.defaultRuleSyntax says."
#define CONF_DOC_SERVICE                                                                                            \
	"The service that answers. A name alone is looked for among what the same provider defines, name@provider " \
	"where it says."
#define CONF_DOC_WEIGHT                                                                                              \
	"The server's share in relation to the others' weights: 3 gets three times what 1 gets. 0 gives it nothing " \
	"new, while what "                                                                                           \
	"it already serves goes on."
#define CONF_DOC_INTERVAL \
	"Time between two checks of a server. Shorter finds a failure sooner and costs the servers more requests."
#define CONF_DOC_UNHEALTHY_INTERVAL \
	"Time between two checks of a server that failed. 0 takes interval. Shorter brings a server back sooner."
#define CONF_DOC_HEALTHY_THRESHOLD                                                                                   \
	"Consecutive successes after which a failed server is used again. Above 1 it keeps one that flaps out. Not " \
	"part of Traefik."
#define CONF_DOC_UNHEALTHY_THRESHOLD                                                                                  \
	"Consecutive failures after which a server is no longer used. Above 1 it forgives a lost check. Not part of " \
	"Traefik."
