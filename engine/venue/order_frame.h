#pragma once
/* One order as it goes to the wire (or, on a TLS connection, into a record): a WebSocket frame, or an HTTP request. */
#include "../net/ws.h"
#include "venue.h"

#define ORDER_FRAME_SIZE 4096

struct order_frame {
    size_t size;
    uint8_t bytes[ORDER_FRAME_SIZE + WS_FRAME_OVERHEAD_MAX];
    char text[ORDER_FRAME_SIZE];
};

/* `form`: of the order's symbol. `mask`: of the WebSocket frame. 0, or a negative code of order_template_write: the
 * frame then holds nothing. */
int order_frame_write(struct order_frame *frame, const struct venue_ops *ops, const struct order_template *form,
                      const struct venue_order *order, uint32_t mask);
