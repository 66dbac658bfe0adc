#include "order_frame.h"

int order_frame_write(struct order_frame *frame, const struct venue_ops *ops, const struct order_template *form,
                      const struct venue_order *order, uint32_t mask) {
    bool websocket = ops->orders_by_websocket;
    char *to = websocket ? frame->text : (char *)frame->bytes;
    frame->size = 0;
    int64_t size = order_template_write(form, order, to, ORDER_FRAME_SIZE);
    if (size > 0 && websocket)
        size = ws_encode(WS_TEXT, (const uint8_t *)to, (size_t)size, mask, frame->bytes, sizeof frame->bytes);
    if (size < 0) return (int)size;
    frame->size = (size_t)size;
    return 0;
}
