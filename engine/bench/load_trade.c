/* Wire to wire: a tick that opens a gap goes out, orders come back.
 *
 *   seal tick | stamp | send() .. engine .. recv() | stamp (order 1) .. recv() | stamp (order 2) | open, check, answer
 *
 * The stamps are at the sockets: what the exchange itself spends on TLS is not in them. Ticks go out on a schedule;
 * one that is late because the one before was not done is counted. Quotes of other books go out in between at the rate
 * asked for, none while orders are awaited: this thread could not stamp their arrival while it sends. */
#include <string.h>

#include "../base/error.h"
#include "load.h"

#define GAP_BPS     60
#define ANSWER_NS   3000000000 /* an order that comes later than this would miss the touch, and count as wrong */
#define SETTLE_NS   500000000
#define SWEEP_EVERY 64 /* looks at the usual connections before one at all of them */

struct run {
    struct load *load;
    const struct trade_plan *plan;
    struct samples first, last, sent;
    uint32_t index;
    uint32_t missed;
    uint32_t late;
    int64_t next_ns;
    int64_t background_next_ns;
    int64_t warm_by_ns; /* on a busy machine the warm-up is over by then */
    uint64_t background_sent;
    uint64_t random;
};

static uint32_t symbol_of(const struct run *run) {
    return run->index / (2 * run->load->venue_count) * 7 % run->load->symbol_count;
}

static uint64_t random_next(struct run *run) {
    run->random ^= run->random << 13;
    run->random ^= run->random >> 7;
    run->random ^= run->random << 17;
    return run->random;
}

static void background(struct run *run, int64_t now) {
    if (run->plan->background_per_s == 0 || now < run->background_next_ns) return;
    uint64_t random = random_next(run);
    struct load *load = run->load;
    uint32_t symbol = (uint32_t)((random >> 8) % load->symbol_count);
    /* Not of the book that trades next: two connections have no order between them, and a quote of its other venue
     * that the engine reads after the tick would make its order miss the touch. */
    if (symbol != symbol_of(run)) {
        load_neutral(load, (uint32_t)(random % load->venue_count), symbol);
        run->background_sent++;
    }
    run->background_next_ns += 1000000000 / run->plan->background_per_s;
    if (run->background_next_ns < now - 1000000) run->background_next_ns = now; /* what was missed stays missed */
}

/* The engine has booked what the venues said of the trade before: it answers pings in the order of what it reads. */
static void ping(struct load *load, uint32_t venues) {
    for (uint32_t v = 0; v < load->venue_count; v++) {
        struct load_connection *user = load->venue[v].user;
        if (user == NULL || (venues >> v & 1u) == 0) continue;
        user->pings++;
        load_send_frame(user, FRAME_PING, "done", 4);
    }
}

static bool is_settled(const struct load *load) {
    for (uint32_t v = 0; v < load->venue_count; v++) {
        const struct load_connection *user = load->venue[v].user;
        if (user != NULL && user->pongs < user->pings) return false;
    }
    return true;
}

static void wait_for_slot(struct run *run) {
    int64_t now = bench_mono_ns();
    if (now > run->next_ns + (int64_t)run->plan->interval_us * 1000) {
        run->late++;
        run->next_ns = now; /* what was missed stays missed */
    }
    while ((now = bench_mono_ns()) < run->next_ns || !is_settled(run->load)) {
        if (now > run->next_ns + SETTLE_NS) break;
        background(run, now);
        load_serve(run->load, 0);
    }
    run->next_ns += (int64_t)run->plan->interval_us * 1000;
}

/* The orders' arrivals in ticks. The usual connections are looked at one after another; where an order comes on another
 * one, the sweep over all finds it. */
static uint32_t await(struct run *run, int64_t arrived[LOAD_ORDERS_MAX]) {
    struct load *load = run->load;
    int64_t deadline = bench_mono_ns() + ANSWER_NS;
    uint32_t looks = 0;
    while (load->order_count < run->plan->legs) {
        for (uint32_t v = 0; v < load->venue_count; v++) {
            struct load_connection *orders = load->venue[v].orders;
            if (orders == NULL || load_receive(load, orders) <= 0) continue;
            int64_t now = tsc_now();
            uint32_t before = load->order_count;
            load_process(load, orders);
            for (uint32_t i = before; i < load->order_count; i++)
                arrived[i] = now;
        }
        if (++looks % SWEEP_EVERY != 0) continue;
        uint32_t before = load->order_count;
        load_serve(load, 0);
        for (uint32_t i = before; i < load->order_count; i++)
            arrived[i] = tsc_now();
        if (bench_mono_ns() > deadline) break;
    }
    return load->order_count;
}

/* Up: this venue bids more than the others ask. Down: it asks less than the others bid. */
static struct load_touch gap(uint32_t symbol, bool up) {
    int64_t mid = load_mid(symbol), move = mid * GAP_BPS / 10000;
    return up ? (struct load_touch){mid + move, mid + move + 2} : (struct load_touch){mid - move - 2, mid - move};
}

static void answer(struct load *load) {
    uint32_t involved = 0;
    for (uint32_t i = 0; i < load->order_count; i++)
        involved |= 1u << load->order[i].venue;
    load_answer_all(load);
    ping(load, involved);
}

static int trade_once(struct run *run) {
    struct load *load = run->load;
    uint8_t frame[QUOTE_TEXT_SIZE_MAX + 8], sealed[LOAD_OUT_SIZE];
    int64_t arrived[LOAD_ORDERS_MAX] = {0};
    uint32_t venue = run->plan->legs == 1 ? 0 : run->index % load->venue_count;
    uint32_t symbol = symbol_of(run);
    bool up = run->plan->legs == 1 || run->index / load->venue_count % 2 == 0;
    wait_for_slot(run);
    struct load_connection *feed = load->venue[venue].feed[symbol];
    if (feed == NULL) return ERROR_CLOSED;
    size_t size = load_quote(load, venue, symbol, gap(symbol, up), frame);
    size = load_seal(feed, frame, size, sealed);
    load->order_count = 0;
    int64_t begin = tsc_now();
    load_push(feed, sealed, size);
    int64_t sent = tsc_now();
    uint32_t count = await(run, arrived);
    if (count < run->plan->legs) {
        run->missed++;
    } else if (run->index >= run->plan->warm_up || bench_mono_ns() > run->warm_by_ns) {
        samples_add(&run->sent, sent - begin);
        samples_add(&run->first, arrived[0] - begin);
        samples_add(&run->last, arrived[run->plan->legs - 1] - begin);
    }
    if (run->plan->legs == 1)
        load->order_count = 0; /* a peer wants no answer */
    else
        answer(load);
    load_neutral(load, venue, symbol);
    return 0;
}

static void print(struct run *run, FILE *out, uint64_t orders_before) {
    double us = run->load->ticks_per_ns * 1000.0;
    samples_print(out, "first_leg_us", &run->first, us, "us");
    fputc(',', out);
    samples_print(out, "both_legs_us", &run->last, us, "us");
    fputc(',', out);
    samples_print(out, "tick_send_us", &run->sent, us, "us");
    fprintf(out,
            ",\"missed\":%u,\"late\":%u,\"background_sent\":%llu,\"orders\":%llu,\"orders_wrong\":%llu,"
            "\"signatures_checked\":%llu",
            run->missed, run->late, (unsigned long long)run->background_sent,
            (unsigned long long)(run->load->orders_taken - orders_before),
            (unsigned long long)run->load->orders_wrong, (unsigned long long)run->load->signatures);
}

int load_trade(struct load *load, const struct trade_plan *plan, FILE *out) {
    struct run run = {.load = load, .plan = plan, .random = 88172645463325252u};
    uint64_t orders_before = load->orders_taken;
    int code = ERROR_SYSTEM;
    if (samples_init(&run.first, plan->count) == 0 && samples_init(&run.last, plan->count) == 0 &&
        samples_init(&run.sent, plan->count) == 0) {
        load->hold_orders = true;
        load->signatures_due = 200;
        run.next_ns = run.background_next_ns = bench_mono_ns();
        code = 0;
        int64_t limit_ns = (int64_t)plan->limit_ms * 1000000,
                end_ns = limit_ns == 0 ? INT64_MAX : run.next_ns + limit_ns;
        run.warm_by_ns = limit_ns == 0 ? INT64_MAX : run.next_ns + limit_ns / 4;
        for (run.index = 0; run.index < plan->count + plan->warm_up && code == 0 && bench_mono_ns() < end_ns;
             run.index++)
            code = run.missed > plan->count / 10 + 10 ? ERROR_TIMEOUT : trade_once(&run);
        load->hold_orders = false;
        load_answer_all(load);
        print(&run, out, orders_before);
    }
    samples_free(&run.first);
    samples_free(&run.last);
    samples_free(&run.sent);
    return code;
}
