/* The loop: own events before a quote's instant, then what is due at it, then the quotes, then one decision. */
#include "backtest.h"

#include "backtest_run.h"

#define MEMORY_ALIGN     64
#define GATEWAY_FREE     UINT32_MAX /* orders that may leave: the core counts them down, nobody refills */
#define TIMERS_AT_ONCE   10000      /* at one instant; more is a loop that never ends */
#define FOLLOW_UP_MAX_NS INT64_C(3600000000000) /* after the end, until open orders and hedges are final */
#define DIGEST_START     UINT64_C(0xcbf29ce484222325)

static size_t run_size(void) {
    return (sizeof(struct run) + MEMORY_ALIGN - 1) / MEMORY_ALIGN * MEMORY_ALIGN;
}

size_t backtest_memory_size(const struct core_setup *setup) {
    return run_size() + core_size(setup);
}

void backtest_sizes(uint64_t out[7]) {
    out[0] = sizeof(struct core_setup);
    out[1] = sizeof(struct backtest_event);
    out[2] = sizeof(struct backtest_options);
    out[3] = sizeof(struct backtest_trade);
    out[4] = sizeof(struct backtest_fill);
    out[5] = sizeof(struct backtest_point);
    out[6] = sizeof(struct backtest_result);
}

static bool options_sane(const struct backtest_options *options) {
    if (options->latency_ns < 0 || options->answer_ns < 0 || options->wait_ns <= 0 || options->stale_ns < 0)
        return false;
    if (options->mark_ns <= 0 || options->curve_ns <= 0 || options->curve_ns % options->mark_ns != 0) return false;
    return options->start_ns > 0 && options->start_ns <= options->end_ns;
}

static void next_own_set(struct run *run) {
    int64_t next = int64_min(run->next_mark_ns, core_next_timer(run->core));
    for (uint32_t i = 0; i < run->order_count; i++)
        next = int64_min(next, run->order[i].due_ns);
    run->next_own_ns = next;
}

static void state_set(struct run *run, uint32_t what, uint32_t index, uint32_t value, int64_t now) {
    struct journal_state state = {.what = what, .index = index, .new_value = value};
    core_on_state(run->core, &state, now, &run->out);
    run_take(run, now);
}

static void venues_silent(struct run *run, int64_t now) {
    if (run->options->stale_ns == 0) return;
    for (uint32_t v = 0; v < run->setup->venue_count; v++)
        if (run->core->venue_state[v] == ABI_VENUE_UP && now - run->heard_ns[v] >= run->options->stale_ns)
            state_set(run, JOURNAL_STATE_VENUE, v, ABI_VENUE_STALE, now);
}

static void timers_due(struct run *run, int64_t now) {
    for (uint32_t turn = 0; core_next_timer(run->core) <= now; turn++) {
        if (turn == TIMERS_AT_ONCE) {
            run_fail(run, ERROR_BUSY);
            return;
        }
        core_on_timer(run->core, now, &run->out);
        run_take(run, now);
    }
}

/* All that is due at an instant, in the contract's order. */
static void own_step(struct run *run, int64_t now) {
    orders_answer(run, now);
    if (run->next_mark_ns <= now) {
        venues_silent(run, now);
        run_mark(run, now, false);
        run->next_mark_ns += run->options->mark_ns;
    }
    timers_due(run, now);
    next_own_set(run);
}

static void own_before(struct run *run, int64_t now) {
    while (run->next_own_ns < now && run->result->error == 0)
        own_step(run, run->next_own_ns);
}

static void start(struct run *run) {
    int64_t now = run->options->start_ns;
    const struct core_setup *setup = run->setup;
    for (uint32_t v = 0; v < setup->venue_count; v++) {
        for (uint32_t a = 0; a < setup->asset_count; a++) {
            struct journal_balance balance = {.amount_e8 = run->options->balance_e8[v][a],
                                              .venue_wall_ns = now,
                                              .venue = v,
                                              .asset = a,
                                              .reason = JOURNAL_BALANCE_OPENING};
            core_on_balance(run->core, &balance, now, &run->out);
        }
        state_set(run, JOURNAL_STATE_VENUE, v, ABI_VENUE_UP, now);
        state_set(run, JOURNAL_STATE_GATEWAY, v, GATEWAY_FREE, now);
        run->heard_ns[v] = now;
    }
    for (uint32_t i = 0; i < setup->strategy_count; i++)
        state_set(run, JOURNAL_STATE_STRATEGY, i, ABI_STRATEGY_RUNNING, now);
    state_set(run, JOURNAL_STATE_TRADING, 0, ABI_STATE_ACTIVE, now);
    run->day = now / DAY_NS;
    run->next_mark_ns = now - now % run->options->mark_ns + run->options->mark_ns;
    next_own_set(run);
}

/* Puts one quote into the book; the symbol's bit of its venue, when somebody may decide on it. */
static uint32_t book_apply(struct run *run, const struct backtest_event *event) {
    int64_t now = event->time_ns;
    if (run->core->venue_state[event->venue] == ABI_VENUE_STALE)
        state_set(run, JOURNAL_STATE_VENUE, event->venue, ABI_VENUE_UP, now);
    run->heard_ns[event->venue] = now;
    struct journal_quote quote = {.bid_price = event->bid_price,
                                  .bid_qty = event->bid_qty,
                                  .ask_price = event->ask_price,
                                  .ask_qty = event->ask_qty,
                                  .recv_ns = now,
                                  .symbol = event->symbol,
                                  .venue = event->venue};
    bool applied = core_on_book(run->core, &quote, now);
    return applied && (event->flags & BACKTEST_FILL_ONLY) == 0 ? 1u << event->venue : 0;
}

/* Symbols in their order, each once, however many of its books have changed. True: something was asked for. */
static bool changed_decide(struct run *run, uint32_t first_word, uint32_t last_word, int64_t now) {
    bool acted = false;
    for (uint32_t word = first_word; word <= last_word; word++) {
        for (; run->changed_symbols[word] != 0; run->changed_symbols[word] &= run->changed_symbols[word] - 1) {
            uint32_t symbol = word * 64 + (uint32_t)__builtin_ctzll(run->changed_symbols[word]);
            uint32_t venue_mask = run->changed[symbol];
            run->changed[symbol] = 0;
            core_on_books(run->core, symbol, venue_mask, now, &run->out);
            if (run->out.count == 0) continue;
            run_take(run, now);
            acted = true;
        }
    }
    return acted;
}

static void instant_run(struct run *run, const struct backtest_event *event, uint64_t count) {
    int64_t now = event->time_ns;
    own_before(run, now);
    for (uint64_t i = 0; i < count && run->waiting_count != 0; i++)
        orders_match(run, &event[i], now);
    if (run->order_count != 0) next_own_set(run);
    if (run->next_own_ns <= now) own_step(run, now);
    uint32_t first = ABI_SYMBOL_MAX, last = 0; /* words of the set that may hold anything */
    for (uint64_t i = 0; i < count; i++) {
        uint32_t venue_bit = book_apply(run, &event[i]);
        if (venue_bit == 0) continue;
        run->changed[event[i].symbol] |= (uint8_t)venue_bit;
        symbols_add(run->changed_symbols, event[i].symbol);
        first = event[i].symbol / 64 < first ? event[i].symbol / 64 : first;
        last = event[i].symbol / 64 > last ? event[i].symbol / 64 : last;
    }
    if (first <= last && changed_decide(run, first, last, now)) next_own_set(run);
}

static bool event_sane(const struct run *run, const struct backtest_event *event, int64_t before) {
    return event->time_ns >= before && event->time_ns <= run->options->end_ns &&
           event->symbol < run->setup->symbol_count && event->venue < run->setup->venue_count;
}

static void events_run(struct run *run, const struct backtest_event *event, uint64_t count) {
    int64_t before = run->options->start_ns;
    for (uint64_t i = 0; i < count && run->result->error == 0;) {
        uint64_t end = i;
        while (end < count && event[end].time_ns == event[i].time_ns && event_sane(run, &event[end], before))
            end++;
        if (end == i || (end < count && event[end].time_ns == event[i].time_ns)) {
            run_fail(run, ERROR_BAD);
            return;
        }
        before = event[i].time_ns;
        instant_run(run, &event[i], end - i);
        i = end;
    }
}

/* No quote comes any more: what waits expires, hedges run out. */
static void finish(struct run *run) {
    int64_t end = run->options->end_ns;
    own_before(run, time_add(end, 1));
    run->next_mark_ns = INT64_MAX;
    next_own_set(run);
    while (run->next_own_ns <= time_add(end, FOLLOW_UP_MAX_NS) && run->result->error == 0)
        own_step(run, run->next_own_ns);
    if (run->result->error == 0) run_mark(run, int64_max(run->core->now, end), true);
    run_pairs_close(run);
    run_totals(run);
}

static int run_whole(void *memory, const struct core_setup *setup, const struct core_params *candidate,
                     const struct backtest_event *event, uint64_t count, const struct backtest_options *options,
                     const struct backtest_output *output, struct backtest_result *result) {
    struct run *run = memory;
    assert((uintptr_t)memory % MEMORY_ALIGN == 0);
    memset(result, 0, sizeof *result);
    memset(run, 0, sizeof *run);
    if (!options_sane(options)) return result->error = ERROR_BAD;
    run->setup = setup;
    run->options = options;
    run->output = output;
    run->result = result;
    run->core = (struct core *)(void *)((uint8_t *)memory + run_size());
    int error = core_init(run->core, setup);
    if (error != 0) return result->error = error;
    if (candidate != NULL) core_on_params(run->core, 0, candidate, options->start_ns, &run->out);
    result->digest = DIGEST_START;
    result->events = count;
    start(run);
    events_run(run, event, count);
    finish(run);
    return result->error;
}

int backtest_run(void *memory, const struct core_setup *setup, const struct backtest_event *event, uint64_t count,
                 const struct backtest_options *options, const struct backtest_output *output,
                 struct backtest_result *result) {
    return run_whole(memory, setup, NULL, event, count, options, output, result);
}

int64_t backtest_grid(void *memory, const struct core_setup *setup, const struct backtest_event *event,
                      uint64_t count, const struct backtest_options *options, const struct core_params *candidates,
                      uint64_t n, uint64_t *next, struct backtest_result *results) {
    struct backtest_output output = {0};
    int64_t done = 0;
    for (;;) {
        uint64_t index = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
        if (index >= n) return done;
        int error = run_whole(memory, setup, &candidates[index], event, count, options, &output, &results[index]);
        if (error != 0) return error;
        done++;
    }
}
