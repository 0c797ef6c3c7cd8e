/* What the TLS part of a routing configuration names in files: read, looked at, and let go again. */
#pragma once
#include "base/err.h"
#include "model/conf_dynamic.h"
#include "model/conf_static.h"

/* st NULL, when the start-up options are broken: they are not looked at. Problems with certificates, keys and CA files,
 * with the keys of the file. 0 or -EINVAL. */
int check_tls_files(const struct dynamic_conf *conf, const struct static_conf *st, struct err_list *errs);
