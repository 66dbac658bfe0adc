#include "state.h"

struct abi_order *order_slot(struct core *core, uint64_t id) {
    struct abi_order *order = &core->order[id % ABI_RING_SIZE];
    return id != 0 && order->id == id ? order : NULL;
}

void order_publish(struct core *core, const struct pair *pair, uint32_t leg_index, struct core_out *out) {
    const struct leg *leg = &pair->leg[leg_index];
    struct abi_order *order = order_slot(core, leg->order_id);
    if (order == NULL) return; /* left the ring */
    order->state = leg->state;
    order->filled_qty = leg->filled;
    order->filled_quote_e8 = money_e8(leg->filled_quote);
    out_order(out, leg->order_id);
}

/* An empty leg to be filled in by the caller, then leg_create. */
struct leg *leg_begin(struct pair *pair, uint32_t leg_index) {
    assert(leg_index < LEG_MAX);
    struct leg *leg = &pair->leg[leg_index];
    clear(leg, sizeof *leg);
    leg->cum = -1;
    return leg;
}

/* A leg with its order: reserved, numbered, visible. */
void leg_create(struct core *core, struct pair *pair, uint32_t leg_index, int64_t reserve_e8) {
    struct leg *leg = &pair->leg[leg_index];
    leg->order_id = ++core->order_last;
    leg_reserve_set(core, pair, leg, reserve_e8);
    if (pair->leg_count <= leg_index) pair->leg_count = leg_index + 1;

    struct abi_order *order = &core->order[leg->order_id % ABI_RING_SIZE];
    clear(order, sizeof *order);
    order->id = leg->order_id;
    order->pair_id = pair->id;
    order->sent_wall_ns = wall_ns(core, leg->sent_ns);
    order->price = leg->price;
    order->qty = leg->qty;
    order->symbol = pair->symbol;
    order->venue = leg->venue;
    order->side = leg->side;
    order->leg = leg_index;
    order->fee_asset = symbol_of(core, pair->symbol)->quote_asset;
    order->state = leg->state;
    order->filled_qty = leg->filled;
    if (leg->filled_quote != 0) order->filled_quote_e8 = money_e8(leg->filled_quote);
    client_id_write(pair->id_text, leg_index, order->client_id);
}

void order_emit(struct core *core, const struct pair *pair, uint32_t leg_index, struct core_out *out) {
    const struct leg *leg = &pair->leg[leg_index];
    struct journal_order *order = out_record(core, out, JOURNAL_ORDER);
    order->pair_id = pair->id;
    order->order_id = leg->order_id;
    order->price = leg->price;
    order->qty = leg->qty;
    order->reserve_e8 = leg->reserve_e8;
    order->symbol = pair->symbol;
    order->venue = leg->venue;
    order->side = leg->side;
    order->leg = leg_index;
    order->kind = leg->kind;
    order->state = ABI_ORDER_CREATED;
    order->sent_ns = leg->sent_ns;
    client_id_write(pair->id_text, leg_index, order->client_id);
    rate_note(core, leg->venue, leg->sent_ns);
    core->gateway[leg->venue]--;
    core->venue_orders[leg->venue]++;
    count(core, ABI_COUNTER_ORDERS);
    out_order(out, leg->order_id);
}
