#pragma once
/* What tls_trust.c (rules of all connections) and tls.c (one connection) share. */
#include <openssl/ssl.h>

#include "tls.h"

struct tls_trust {
    SSL_CTX *context;
};

/* The text of OpenSSL's oldest error of this thread; forgets all of them. Takes OpenSSL's locks: not for hot. */
void tls_error_take(char *out, size_t cap);
