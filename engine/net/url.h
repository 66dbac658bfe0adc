#pragma once
#include <stdbool.h>
#include <stdint.h>

/* ws:// wss:// http:// https:// host[:port][/base]. */
struct url {
    bool tls;
    char host[64];
    char port[8];
    char authority[80]; /* host:port as in the Host header */
    char base[64];      /* "" or "/prefix" */
};

/* 0, or ERROR_BAD. */
int url_parse(const char *text, struct url *out);
/* True for 127.0.0.0/8, ::1 and localhost: the only hosts plain connections are allowed to. */
bool url_is_loopback(const struct url *url);
