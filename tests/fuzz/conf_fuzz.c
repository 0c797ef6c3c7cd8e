/* A configuration file as `sluice check` reads it: YAML to tree to structs. Broken input gives errors, never a crash.
 */
#include <assert.h>
#include <stdint.h>
#include "base/yaml.h"
#include "conf/static.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct static_conf conf;
	struct err_list errs;
	struct arena a;
	struct tree *root;

	arena_init(&a);
	err_init(&errs);
	root = yaml_parse(&a, "fuzz", str_mk((const char *)data, n), &errs);
	assert((root == NULL) == (errs.errors > 0));
	if (root)
		assert((static_decode(root, &a, &conf, &errs) == 0) == (errs.errors == 0));
	err_free(&errs);
	arena_reset(&a);
	return 0;
}
