#pragma once
/* What the gateway's files share: gateway.c (connections come and go), gateway_receive.c (bytes -> messages),
 * gateway_message.c (messages -> core), gateway_state.c (may the venue trade), gateway_house.c (time). */
#include "hot.h"

/* Makes `state` the venue's, also when it is that already: the core acts on each DOWN. */
void gateway_enter(struct hot *hot, uint32_t venue, uint32_t state, const char *reason);
/* Asks for the private stream on this connection. */
void gateway_subscribe_user(struct hot *hot, struct gateway *gateway, uint32_t connection);
/* One whole message. http_status: 0 on WebSockets. recv_ns: when its bytes came. */
void gateway_message(struct hot *hot, uint32_t connection, const uint8_t *data, size_t size, bool binary,
                     int http_status, int64_t recv_ns);
/* A quote that came on this connection, here or by way of its receiver. */
void gateway_quote(struct hot *hot, uint32_t connection, const struct journal_quote *quote);
