#include "servers.h"

#include "drv/tls/tls.h"
#ifdef WITH_HTTP2
#include "drv/h2/h2.h"
#endif

const struct http_parts http_parts = {
	.tls = &tls_openssl,
#ifdef WITH_HTTP2
	.protocol = &h2_protocol,
#endif
};
