#include "url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/error.h"

struct scheme {
    const char *start;
    bool tls;
    const char *port;
};

static const struct scheme schemes[] = {
    {"ws://", false, "80"},
    {"wss://", true, "443"},
    {"http://", false, "80"},
    {"https://", true, "443"},
};

static const struct scheme *scheme_find(const char *text) {
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncasecmp(text, schemes[i].start, strlen(schemes[i].start)) == 0) return &schemes[i];
    return NULL;
}

/* Reads "name" or "[v6]" into out->host; *text moves behind it. */
static int host_read(const char **text, struct url *out, bool *bracketed) {
    const char *begin = *text;
    *bracketed = *begin == '[';
    if (*bracketed) begin++;
    size_t size = 0;
    while (isalnum((unsigned char)begin[size]) ||
           (*bracketed ? begin[size] == ':' || begin[size] == '.'
                       : begin[size] == '.' || begin[size] == '-' || begin[size] == '_'))
        size++;
    if (size == 0 || size >= sizeof out->host) return ERROR_BAD;
    for (size_t i = 0; i < size; i++)
        out->host[i] = (char)tolower((unsigned char)begin[i]);
    out->host[size] = '\0';
    *text = begin + size;
    if (!*bracketed) return 0;
    struct in6_addr address;
    if (**text != ']' || inet_pton(AF_INET6, out->host, &address) != 1) return ERROR_BAD;
    (*text)++;
    return 0;
}

/* Reads ":port" where there is one; *text moves behind it. */
static int port_read(const char **text, const char *standard, struct url *out) {
    long port = strtol(standard, NULL, 10);
    if (**text == ':') {
        const char *digits = *text + 1;
        size_t size = strspn(digits, "0123456789");
        if (size == 0 || size > 5) return ERROR_BAD;
        port = strtol(digits, NULL, 10);
        *text = digits + size;
    }
    if (port < 1 || port > 65535) return ERROR_BAD;
    snprintf(out->port, sizeof out->port, "%ld", port);
    return 0;
}

/* "" or "/prefix", without a slash at the end so that "/path" can be put behind it. */
static int base_read(const char *text, struct url *out) {
    size_t size = strlen(text);
    while (size > 0 && text[size - 1] == '/')
        size--;
    if (size >= sizeof out->base || (*text != '\0' && *text != '/')) return ERROR_BAD;
    for (size_t i = 0; i < size; i++)
        if (!isgraph((unsigned char)text[i]) || strchr("?#\\\"<>", text[i]) != NULL) return ERROR_BAD;
    memcpy(out->base, text, size);
    out->base[size] = '\0';
    return 0;
}

int url_parse(const char *text, struct url *out) {
    memset(out, 0, sizeof *out);
    const struct scheme *scheme = scheme_find(text);
    if (scheme == NULL) return ERROR_BAD;
    out->tls = scheme->tls;
    text += strlen(scheme->start);
    bool bracketed = false;
    if (host_read(&text, out, &bracketed) != 0) return ERROR_BAD;
    if (port_read(&text, scheme->port, out) != 0) return ERROR_BAD;
    if (base_read(text, out) != 0) return ERROR_BAD;
    /* As browsers write it: the scheme's own port is left out, a v6 address keeps its brackets. */
    bool standard = strcmp(out->port, scheme->port) == 0;
    snprintf(out->authority, sizeof out->authority, "%s%s%s%s%s", bracketed ? "[" : "", out->host,
             bracketed ? "]" : "", standard ? "" : ":", standard ? "" : out->port);
    return 0;
}

bool url_is_loopback(const struct url *url) {
    struct in_addr v4;
    struct in6_addr v6;
    if (strcmp(url->host, "localhost") == 0) return true;
    if (inet_pton(AF_INET, url->host, &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, url->host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}
