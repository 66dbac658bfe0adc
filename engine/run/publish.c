/* The core's views and the hot thread's own figures -> shared memory. No lock, no system call. */
#include <string.h>

#include "../net/tls_memory.h"
#include "hot.h"

_Static_assert(ABI_HISTOGRAM_BUCKETS == 2048, "base/histogram.h has 2048 buckets");
_Static_assert(ABI_BOOK_PAGES <= 64 && ABI_BALANCES_PAGES <= 64, "the pages of a venue are bits of a word");

void publish_cells(struct hot *hot, const struct core_out *out) {
    struct abi_segment *segment = hot->engine->segment;
    for (uint32_t i = 0; i < out->opportunity_count; i++) {
        const struct abi_opportunity *from = core_opportunity(hot->core, out->opportunity_id[i]);
        if (from == NULL) continue;
        SHM_PUBLISH_CELL(&segment->opportunity[from->id % ABI_RING_SIZE], from);
        if (from->id > segment->heads.opportunity)
            __atomic_store_n(&segment->heads.opportunity, from->id, __ATOMIC_RELEASE);
    }
    for (uint32_t i = 0; i < out->order_count; i++) {
        const struct abi_order *from = core_order(hot->core, out->order_id[i]);
        if (from == NULL) continue;
        SHM_PUBLISH_CELL(&segment->order[from->id % ABI_RING_SIZE], from);
        if (from->id > segment->heads.order) __atomic_store_n(&segment->heads.order, from->id, __ATOMIC_RELEASE);
    }
    for (uint32_t i = 0; i < out->fill_count; i++) {
        const struct abi_fill *from = core_fill(hot->core, out->fill_id[i]);
        if (from == NULL) continue;
        SHM_PUBLISH_CELL(&segment->fill[from->id % ABI_RING_SIZE], from);
        if (from->id > segment->heads.fill) __atomic_store_n(&segment->heads.fill, from->id, __ATOMIC_RELEASE);
    }
}

void publish_pnl_sample(struct hot *hot, const struct journal_mark *mark) {
    struct abi_segment *segment = hot->engine->segment;
    struct abi_pnl pnl;
    core_view_pnl(hot->core, &pnl);
    if (pnl.marked_wall_ns != mark->wall_ns)
        return; /* something owned has no price yet: no sample is better than a wrong one */
    struct abi_pnl_sample sample = {
        .id = segment->heads.pnl + 1,
        .wall_ns = mark->wall_ns,
        .trading_pnl_e8 = mark->trading_pnl_e8,
        .holding_pnl_e8 = mark->holding_pnl_e8,
        .fees_e8 = mark->fees_e8,
        .unhedged_e8 = mark->unhedged_e8,
        .equity_e8 = mark->equity_e8,
        .trades = mark->trades,
    };
    SHM_PUBLISH_CELL(&segment->pnl_ring[sample.id % ABI_PNL_RING_SIZE], &sample);
    __atomic_store_n(&segment->heads.pnl, sample.id, __ATOMIC_RELEASE);
}

static void publish_counters(struct hot *hot) {
    struct abi_counters merged;
    memset(&merged, 0, sizeof merged);
    core_view_counters(hot->core, &merged);
    for (uint32_t i = 0; i < ABI_COUNTER_MAX; i++)
        merged.value[i] += hot->counters.value[i];
    merged.value[ABI_COUNTER_TLS_MEMORY_MISSED] = tls_memory_counts().missed;
    SHM_PUBLISH(hot->engine->segment->counters, &merged);
}

/* Bits of the pages that `count` things fill. */
static uint64_t pages_of(uint32_t count, uint32_t page_size) {
    return count == 0 ? 0 : UINT64_MAX >> (63 - (count - 1) / page_size);
}

/* Takes the lowest page out of *changed. */
static uint32_t page_take(uint64_t *changed) {
    uint32_t page = (uint32_t)__builtin_ctzll(*changed);
    *changed &= *changed - 1;
    return page;
}

/* Both write changed pages, at most *room, and lower *room by what they wrote. */
static void publish_book(struct hot *hot, uint32_t venue, uint32_t *room) {
    uint64_t *changed = &hot->book_changed[venue];
    *changed &= pages_of(hot->engine->setup.symbol_count, ABI_BOOK_PAGE);
    for (; *changed != 0 && *room != 0; --*room) {
        uint32_t page = page_take(changed);
        struct abi_book book;
        core_view_book(hot->core, venue, page, &book);
        SHM_PUBLISH(&hot->engine->segment->book[2 * (venue * ABI_BOOK_PAGES + page)], &book);
    }
}

static void publish_balances(struct hot *hot, uint32_t venue, uint32_t *room) {
    uint64_t *changed = &hot->balances_changed[venue];
    *changed |= core_balances_changed(hot->core, venue);
    *changed &= pages_of(hot->engine->setup.asset_count, ABI_BALANCES_PAGE);
    for (; *changed != 0 && *room != 0; --*room) {
        uint32_t page = page_take(changed);
        struct abi_balances balances;
        core_view_balances(hot->core, venue, page, &balances);
        SHM_PUBLISH(&hot->engine->segment->balances[2 * (venue * ABI_BALANCES_PAGES + page)], &balances);
    }
}

/* A bounded number of pages, whatever changed: each time another venue comes first, and the room is enough for all
 * pages of one, so none waits for more publications than there are venues. Returns true while some wait. */
static bool publish_venues(struct hot *hot) {
    uint32_t venue_count = hot->engine->setup.venue_count;
    uint32_t book_room = ABI_BOOK_PAGES, balances_room = ABI_BALANCES_PAGES;
    uint64_t waiting = 0;
    hot->publish_venue = (hot->publish_venue + 1) % venue_count;
    for (uint32_t i = 0; i < venue_count; i++) {
        uint32_t v = (hot->publish_venue + i) % venue_count;
        SHM_PUBLISH(&hot->engine->segment->venue[2 * v], &hot->gateway[v].view);
        publish_book(hot, v, &book_room);
        publish_balances(hot, v, &balances_room);
        waiting |= hot->book_changed[v] | hot->balances_changed[v];
    }
    return waiting != 0;
}

void publish_all(struct hot *hot) {
    struct abi_segment *segment = hot->engine->segment;
    struct abi_status *status = &hot->status;
    status->heartbeat_count++;
    status->heartbeat_mono_ns = hot->now;
    status->heartbeat_wall_ns = hot->now + hot->engine->wall_offset_ns;
    status->journal_seq = journal_last_seq(hot->engine->tail);
    status->journal_disk_seq = journal_disk_seq(hot->engine->tail);
    status->open_pairs = core_open_pairs(hot->core);
    status->alarm_count = 0;
    for (uint32_t i = 0; i < ABI_ALARM_MAX; i++)
        status->alarm_count += hot->alarms.item[i].id != 0 && hot->alarms.item[i].acked_wall_ns == 0;
    atomic_store(&hot->engine->open_pairs, status->open_pairs);

    struct abi_pnl pnl;
    struct abi_risk risk;
    struct abi_exposures exposures;
    memset(&pnl, 0, sizeof pnl);
    memset(&risk, 0, sizeof risk);
    memset(&exposures, 0, sizeof exposures);
    core_view_pnl(hot->core, &pnl);
    core_view_risk(hot->core, &risk);
    core_view_exposures(hot->core, &exposures);
    SHM_PUBLISH(segment->pnl, &pnl);
    SHM_PUBLISH(segment->risk, &risk);
    SHM_PUBLISH(segment->exposures, &exposures);
    SHM_PUBLISH(segment->alarms, &hot->alarms);
    for (uint32_t i = 0; i < hot->engine->setup.strategy_count; i++) {
        struct abi_strategy strategy;
        memset(&strategy, 0, sizeof strategy);
        core_view_strategy(hot->core, i, &strategy);
        atomic_store(&hot->engine->strategy_state[i], strategy.state);
        SHM_PUBLISH(&segment->strategy[2 * i], &strategy);
    }
    publish_counters(hot);
    hot->dirty = publish_venues(hot);
    SHM_PUBLISH(segment->status, status); /* last: a new heartbeat means that the rest is as new, but for pages that
                                             wait for the next publication */
}
