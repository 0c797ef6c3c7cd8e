/* An explanation for people: labelled lines, values in one column. What is shown comes from configuration and from
 * agents, so control characters are not passed on to the terminal. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* "label        text", the text made of the arguments. label "": it goes on under the line before. */
void explain_line(FILE *to, const char *label, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
const char *explain_text(const json_t *o, const char *key); /* "" when absent */
long long explain_number(const json_t *o, const char *key);
bool explain_flag(const json_t *o, const char *key);
/* Servers as the API lists them: server, weight, sharePercent, up, reason, inFlight. */
void explain_servers(FILE *to, const json_t *servers);

/* The answer of /api/explain. */
void explain_print_http(FILE *to, const json_t *answer);
