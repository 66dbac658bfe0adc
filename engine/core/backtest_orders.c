/* The simulated venues: orders on their way, the quote each meets, the answer. */
#include <stdio.h>

#include "backtest_run.h"
#include "fill_model.h"

void order_place(struct run *run, const struct journal_order *order, int64_t now) {
    if (run->order_count == SIM_ORDER_MAX) {
        run_fail(run, ERROR_FULL);
        return;
    }
    struct sim_order *placed = &run->order[run->order_count++];
    memset(placed, 0, sizeof *placed);
    placed->pair_id = order->pair_id;
    placed->order_id = order->order_id;
    placed->price = order->price;
    placed->qty = order->qty;
    placed->symbol = order->symbol;
    placed->venue = order->venue;
    placed->side = order->side;
    placed->leg = order->leg;
    placed->decided_ns = now;
    placed->arrival_ns = time_add(now, run->options->latency_ns);
    placed->due_ns = time_add(placed->arrival_ns, run->options->wait_ns);
    run->waiting_count++;
}

static struct journal_quote event_quote(const struct backtest_event *event) {
    return (struct journal_quote){.bid_price = event->bid_price,
                                  .bid_qty = event->bid_qty,
                                  .ask_price = event->ask_price,
                                  .ask_qty = event->ask_qty,
                                  .recv_ns = event->time_ns,
                                  .symbol = event->symbol,
                                  .venue = event->venue};
}

/* What one order takes from a quote is not there for the next one. */
void orders_match(struct run *run, const struct backtest_event *event, int64_t now) {
    struct journal_quote quote = event_quote(event);
    int64_t taken_bid = 0, taken_ask = 0;
    for (uint32_t i = 0; i < run->order_count; i++) {
        struct sim_order *order = &run->order[i];
        if (order->met || order->symbol != event->symbol || order->venue != event->venue) continue;
        if (order->arrival_ns > now || order->decided_ns >= now) continue;
        int64_t *taken = order->side == ABI_SIDE_BUY ? &taken_ask : &taken_bid;
        struct fill_match match = fill_model_match(&quote, order->side, order->price, order->qty, *taken);
        *taken += match.qty;
        order->fill_price = match.price;
        order->fill_qty = match.qty;
        order->fill_ns = now;
        order->met = true;
        order->due_ns = time_add(now, run->options->answer_ns);
        run->waiting_count--;
    }
}

static void fill_tell(struct run *run, const struct sim_order *order, int64_t now) {
    const struct journal_symbol *symbol = &run->setup->symbol[order->symbol];
    struct fill_match match = {.price = order->fill_price, .qty = order->fill_qty};
    struct journal_fill fill = {.pair_id = order->pair_id,
                                .order_id = order->order_id,
                                .venue_time_ns = order->fill_ns,
                                .symbol = order->symbol,
                                .venue = order->venue,
                                .leg = order->leg};
    if (!fill_model_fee(symbol, order->side, &match, run->setup->taker_fee_ppm[order->venue][order->symbol],
                        &fill)) {
        run_fail(run, ERROR_RANGE);
        return;
    }
    snprintf(fill.trade_id, sizeof fill.trade_id, "%llu", (unsigned long long)run->result->fill_count + 1);
    core_on_fill(run->core, &fill, now, &run->out);
    run_fill_log(run, &fill, now);
    run_take(run, now);
}

static void order_tell(struct run *run, const struct sim_order *order, int64_t now) {
    if (order->fill_qty > 0) fill_tell(run, order, now);
    struct journal_report report = {.pair_id = order->pair_id,
                                    .order_id = order->order_id,
                                    .cum_qty = order->fill_qty,
                                    .venue_time_ns = order->fill_ns,
                                    .venue = order->venue,
                                    .leg = order->leg,
                                    .kind = JOURNAL_REPORT_FINAL};
    report.state = order->fill_qty == order->qty ? ABI_ORDER_FILLED : ABI_ORDER_EXPIRED;
    core_on_report(run->core, &report, now, &run->out);
    run_take(run, now);
}

/* Answers that are due, by order id; an order that met no quote in time has expired. */
void orders_answer(struct run *run, int64_t now) {
    uint32_t i = 0;
    while (i < run->order_count) {
        if (run->order[i].due_ns > now) {
            i++;
            continue;
        }
        struct sim_order order = run->order[i];
        run->order_count--;
        memmove(&run->order[i], &run->order[i + 1], (run->order_count - i) * sizeof run->order[0]);
        if (!order.met) run->waiting_count--;
        order_tell(run, &order, now); /* may place hedges behind */
    }
}
