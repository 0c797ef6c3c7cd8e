/* What a matcher is. Adding one is a row in the table of its dialect and the functions the row names. Private to this
 * room. */
#pragma once
#include "rule/ast.h"

/* What is wrong with a parameter. */
struct rule_fault {
	unsigned arg;
	size_t at; /* offset into the parameter's text */
	char text[240];
};

/* Requests that a matcher can match at all, for the index: a host and a beginning of the path, or all of it. */
struct rule_key {
	struct str host; /* "a.b", or ".b" for any child of b; p NULL: any */
	struct str path; /* empty: any */
	bool whole;	 /* path is all of it, not the beginning */
	bool sure;	 /* a request that has them matches: nothing is left to evaluate */
};

struct rule_op {
	const char *name; /* as Traefik writes it */
	uint8_t min, max; /* number of parameters */
	/* Checks the parameters (none empty, living in `a`) and makes what `match` reads. 0, or -EINVAL with *ret_fault
	 * set. */
	int (*compile)(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
		       struct rule_fault *ret_fault);
	bool (*match)(const void *data, const struct rule_facts *f);
	/* Optional. Every request that matches has the key, which is that of every request before the call. */
	void (*key)(const void *data, struct rule_key *ret_key);
	/* v2 only: how many parameters make one call. More than that are several calls, joined by `join`. 0: all
	 * parameters make one. */
	uint8_t group;
	enum rule_kind join;
};

/* The table of a dialect; it ends with a row without a name. */
const struct rule_op *rule_ops(enum rule_dialect dialect);

extern const struct rule_op rule_ops_http[], rule_ops_tcp[], rule_ops_http_v2[], rule_ops_tcp_v2[];

/* Sets the fault and returns -EINVAL. */
int rule_fail(struct rule_fault *fault, unsigned arg, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Parts of rows that several tables have. */
bool rule_is_ascii(struct str s);
int rule_op_regex(struct arena *a, const struct rule_arg *arg, unsigned number, const void **ret_data,
		  struct rule_fault *ret_fault); /* a struct regex */
int rule_op_client_ip(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
		      struct rule_fault *ret_fault);
bool rule_op_client_ip_match(const void *data, const struct rule_facts *f);
int rule_op_path(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
		 struct rule_fault *ret_fault); /* a struct str */
bool rule_op_path_match(const void *data, const struct rule_facts *f);
void rule_op_path_key(const void *data, struct rule_key *ret_key);
bool rule_op_path_prefix_match(const void *data, const struct rule_facts *f);
void rule_op_path_prefix_key(const void *data, struct rule_key *ret_key);
bool rule_op_path_regexp_match(const void *data, const struct rule_facts *f); /* data: a struct regex */
int rule_op_method(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
		   struct rule_fault *ret_fault);
bool rule_op_method_match(const void *data, const struct rule_facts *f);
int rule_op_header(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
		   struct rule_fault *ret_fault);
bool rule_op_header_match(const void *data, const struct rule_facts *f);
int rule_op_header_regexp(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
			  struct rule_fault *ret_fault);
bool rule_op_header_regexp_match(const void *data, const struct rule_facts *f);
bool rule_op_host_match(const void *data, const struct rule_facts *f); /* data: a struct rule_name */
void rule_op_host_key(const void *data, struct rule_key *ret_key);
bool rule_op_host_regexp_match(const void *data, const struct rule_facts *f); /* data: a struct regex */
int rule_op_sni(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
		struct rule_fault *ret_fault);
bool rule_op_sni_match(const void *data, const struct rule_facts *f);
bool rule_op_sni_regexp_match(const void *data, const struct rule_facts *f);
int rule_op_alpn(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
		 struct rule_fault *ret_fault);
bool rule_op_alpn_match(const void *data, const struct rule_facts *f);
