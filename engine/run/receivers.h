#pragma once
/* The hot thread's side of the receiving threads: in layout ONE there are none, and every function does nothing. */
#include "hot.h"

/* Before READY: creates and starts what threads.layout asks for. 0, or a negative code. */
int receivers_start(struct hot *hot, struct error_trail *trail);
void receivers_stop(struct hot *hot);

/* Takes a market data connection over for its receiver. The connection's number, or a negative code: then it stays the
 * caller's. */
int receivers_add(struct hot *hot, const struct to_hot *message);
bool receivers_has(const struct hot *hot, uint32_t number);
/* As wire_send; what the venue's kernel does not take is told later, by the connection's end. */
int receivers_send(struct hot *hot, uint32_t number, const uint8_t *bytes, size_t size);
void receivers_remove(struct hot *hot, uint32_t number);

/* Quotes and notes that have come; true when there were any. */
bool receivers_take(struct hot *hot);
/* False: something has come, do not wait. After the wait, or instead of it: receivers_awake. */
bool receivers_may_sleep(struct hot *hot);
void receivers_awake(struct hot *hot);
/* Now and then: what the receivers know of their connections into connection, venue views and counters. */
void receivers_look(struct hot *hot);
