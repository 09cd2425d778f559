/* http_fault.c - curl's results in our words; see http_int.h. */
#include <string.h>

#include "base/mem.h"
#include "net/http_int.h"

/*
 * What is not here is a network failure, which a retry may heal.  A server
 * whose certificate is not trusted will not become so by trying again.
 */
static const struct {
	CURLcode curl;
	enum err_code code;
	const char *prefix;
} faults[] = {
	{ CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT, "" },
	{ CURLE_PEER_FAILED_VERIFICATION, ERR_PROTOCOL,
	    "TLS: the server's certificate is not trusted: " },
	{ CURLE_SSL_ISSUER_ERROR, ERR_PROTOCOL, "TLS: " },
	{ CURLE_SSL_CACERT_BADFILE, ERR_CONFIG,
	    "TLS: the file of trusted certificates: " },
	{ CURLE_SSL_CERTPROBLEM, ERR_CONFIG, "TLS: " },
	{ CURLE_URL_MALFORMAT, ERR_CONFIG, "" },
	{ CURLE_UNSUPPORTED_PROTOCOL, ERR_PROTOCOL, "" },
	{ CURLE_WEIRD_SERVER_REPLY, ERR_PROTOCOL, "" },
	{ CURLE_BAD_CONTENT_ENCODING, ERR_PROTOCOL, "" },
	{ CURLE_OUT_OF_MEMORY, ERR_INTERNAL, "" },
	{ CURLE_FAILED_INIT, ERR_INTERNAL, "" },
	{ CURLE_BAD_FUNCTION_ARGUMENT, ERR_INTERNAL, "" },
	{ CURLE_READ_ERROR, ERR_INTERNAL, "" },
	{ CURLE_WRITE_ERROR, ERR_INTERNAL, "" },
	{ CURLE_ABORTED_BY_CALLBACK, ERR_INTERNAL, "" },
};

void
http_fault(struct http_req *r, CURLcode code)
{
	const char *text = r->curl_text[0] != '\0' ? r->curl_text
						   : curl_easy_strerror(code);
	size_t i;

	/* What it says of a socket that the far side has closed or reset. */
	if (strcmp(text, "select/poll returned error") == 0)
		text = "the connection was cut while sending";

	if (code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT)
		http_resolve_forget(r->http, r->host, r->port);
	for (i = 0; i < COUNT_OF(faults); i++)
		if (faults[i].curl == code) {
			http_fail(r, faults[i].code, "%s%s", faults[i].prefix,
			    text);
			return;
		}
	http_fail(r, ERR_NETWORK, "%s", text);
}
