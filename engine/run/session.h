#pragma once
/* The session of an order WebSocket whose venue takes ED25519 keys (Binance's WS-API): one signed logon stands for all
 * that follows on the connection. The courier signs when it has connected; the hot thread sends, and asks for the
 * private stream once the venue has agreed, so a connection that is not logged on never becomes ready.
 *
 *   connected --logon--> waiting --agreed--> logged on --ended, revoked--> closed, and opened anew by the courier
 *                           `--refused--> the venue's words are its state's reason; it stays DOWN, or goes OFF
 *
 * With other keys each order carries its signature and every connection counts as logged on. */
#include "hot.h"

/* A new order WebSocket with private stream: logs on with the courier's text, or goes straight on. */
void session_begin(struct hot *hot, uint32_t connection, const char *logon);
/* True when orders may leave on this connection. */
bool session_holds(const struct hot *hot, uint32_t connection);
/* Looks at a message of an order connection before anybody else. True: it was the session's end or its beginning, and
 * nothing is left to do (the connection may be gone). */
bool session_message(struct hot *hot, uint32_t connection, const struct venue_message *message);
