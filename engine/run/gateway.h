#pragma once
/* What the gateway's files share: gateway.c (connections come and go), gateway_replace.c (one takes the other's
 * place), gateway_receive.c (bytes -> messages), gateway_message.c (messages -> core), gateway_refused.c (symbols that
 * the venue does not give), gateway_sequence.c (which quote is news), gateway_state.c (may the venue trade),
 * gateway_house.c (time). */
#include "hot.h"

/* Where the number of a place's holder is kept. */
int *gateway_place(struct gateway *gateway, uint32_t role, uint32_t slot);
const char *gateway_role_name(uint32_t role); /* "market data", ... */
void gateway_tell_courier(struct hot *hot, enum to_courier_kind kind, uint32_t venue, uint32_t role, uint32_t slot);

/* Asks for the private stream on this connection. */
void gateway_subscribe_user(struct hot *hot, uint32_t connection);
/* The venue has confirmed what was asked for on this connection. */
void gateway_subscribed(struct hot *hot, uint32_t connection);

/* The successor of a place, or -1. */
int gateway_successor(const struct hot *hot, uint32_t venue, uint32_t role, uint32_t slot);
/* Gives the place to this successor if it is ready for it. */
void gateway_replace(struct hot *hot, uint32_t connection);
/* Closes a connection that nobody needs any more; nothing is lost with it. */
void gateway_dismiss(struct hot *hot, uint32_t connection);
/* Closes the socket, whoever has it; nobody is told. */
void gateway_remove(struct hot *hot, uint32_t connection);
void gateway_say_close(struct hot *hot, uint32_t connection, uint16_t code);
void gateway_return_fragments(struct hot *hot, struct hot_connection *connection);

/* The prices that came on this market data connection are gone; others of the venue stay. */
void gateway_forget(struct hot *hot, uint32_t venue, uint32_t slot);
/* False: older than what is known, not to be shown to the core. Keeps the times by which a connection is judged. */
bool gateway_is_news(struct hot *hot, uint32_t connection, uint32_t symbol, uint64_t sequence, int64_t recv_ns);
/* A symbol of which data came is not refused. */
void gateway_not_refused(struct hot *hot, uint32_t venue, uint32_t symbol);
/* Reads which subscriptions the venue refused out of its answer; an alarm names those that are new. False: all of
 * this connection's. */
bool gateway_refused(struct hot *hot, uint32_t connection, const struct venue_message *message);
/* True: the venue refuses every symbol of this market data connection. */
bool gateway_all_refused(const struct gateway *gateway, uint32_t slot);

/* Makes `state` the venue's. */
void gateway_enter(struct hot *hot, uint32_t venue, uint32_t state, const char *reason);
/* One whole message. http_status: 0 on WebSockets. recv_ns: when its bytes came. */
void gateway_message(struct hot *hot, uint32_t connection, const uint8_t *data, size_t size, bool binary,
                     int http_status, int64_t recv_ns);
/* A quote that came on this connection, here or by way of its receiver. */
void gateway_quote(struct hot *hot, uint32_t connection, const struct journal_quote *quote);
