/* Looking into an OCSP response before it is shown to anybody. */
#include "tls/ocsp.h"
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <time.h>

static bool seconds_of(const ASN1_GENERALIZEDTIME *t, int64_t *ret)
{
	struct tm tm;
	if (!ASN1_TIME_to_tm(t, &tm))
		return false;
	*ret = (int64_t)timegm(&tm);
	return true;
}

static const char *read_single(OCSP_BASICRESP *basic, X509 *leaf, int64_t *ret_until)
{
	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);
		ASN1_INTEGER *serial = NULL;
		ASN1_GENERALIZEDTIME *next = NULL;
		OCSP_id_get0_info(NULL, NULL, NULL, &serial, (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(one));
		if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) != 0)
			continue;
		if (OCSP_single_get0_status(one, NULL, NULL, NULL, &next) != V_OCSP_CERTSTATUS_GOOD)
			return "it does not say that the certificate is good";
		*ret_until = INT64_MAX;
		return !next || seconds_of(next, ret_until) ? NULL : "its next update is not a time";
	}
	return "it is about another certificate";
}

const char *ocsp_read(struct str der, X509 *leaf, int64_t *ret_until)
{
	const unsigned char *p = (const unsigned char *)der.p;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &p, (long)der.n);
	const char *why = "it is no OCSP response in DER";
	if (r && OCSP_response_status(r) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
		why = "its status is not \"successful\"";
	} else if (r) {
		OCSP_BASICRESP *basic = OCSP_response_get1_basic(r);
		if (basic)
			why = read_single(basic, leaf, ret_until);
		OCSP_BASICRESP_free(basic);
	}
	OCSP_RESPONSE_free(r);
	ERR_clear_error();
	return why;
}
