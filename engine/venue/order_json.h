#pragma once
/* JSON shapes that Binance and MEXC share: orders, own trades, balances, book tickers, errors. MEXC copied Binance's
 * REST names; what differs (status words, ids as texts or numbers) is a parameter or accepted both ways.
 * Each takes a checked value, fills `out` (started with message_reset) and sets its verdict. */
#include "message.h"

/* An order's state, with its fills where they are listed; without a status word: an acknowledgement. */
void order_json_state(const struct json_value *order, const struct message_state_word *words,
                      struct venue_message *out);
/* Accepted, whatever status the answer names: the outcome of an IOC comes later. */
void order_json_ack(const struct json_value *order, struct venue_message *out);
void order_json_trades(const struct json_value *rows, struct venue_message *out);
void order_json_open(const struct json_value *rows, struct venue_message *out);
/* `balances`: the array; item names: asset, free, locked as the venue calls them in this message. */
void order_json_balances(const struct json_value *balances, const struct json_name names[3],
                         struct venue_message *out);
/* symbol, bidPrice, bidQty, askPrice, askQty; null: nobody on that side. */
void order_json_ticker(const struct json_value *ticker, struct venue_message *out);
