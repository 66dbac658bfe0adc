/* Writes a segment of shared memory as fast as it can, for the tests of readers.
 *
 *   shm_writer INSTANCE GENERATION      prints "ready" once, then writes until it is killed or gets SIGTERM
 *
 * Every 64-bit field of a latched block or ring record is derived from one counter n, so a copy with two different n
 * is a torn read: in pnl all fields are n, in status heartbeat_count, state_version, journal_seq ... are n, counters
 * value[i] and refused[i] are n, and so on. Exceptions: heartbeat times are the clock's, enums and counts are valid. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../ctl/shm.h"

#define STALE_AFTER_NS 1000000000

static volatile sig_atomic_t stop_requested;

static void request_stop(int signal_number) {
    (void)signal_number;
    stop_requested = 1;
}

static void fill_header(struct abi_segment *segment) {
    struct abi_header *header = &segment->header;
    header->mode = ABI_MODE_SIM;
    header->stale_after_ns = STALE_AFTER_NS;
    header->venue_count = 1;
    header->symbol_count = 1;
    header->asset_count = 2;
    header->strategy_count = 1;
    snprintf(header->config_dir, sizeof header->config_dir, "config");
    header->venue[0].taker_fee_ppm = 1000;
    snprintf(header->venue[0].name, sizeof header->venue[0].name, "binance");
    snprintf(header->venue[0].kind, sizeof header->venue[0].kind, "binance");
    snprintf(header->venue[0].endpoint, sizeof header->venue[0].endpoint, "127.0.0.1:9101");
    snprintf(header->asset[0].name, sizeof header->asset[0].name, "USDT");
    snprintf(header->asset[1].name, sizeof header->asset[1].name, "BTC");
    snprintf(header->strategy[0].name, sizeof header->strategy[0].name, "cross_exchange");
    snprintf(header->strategy[0].kind, sizeof header->strategy[0].kind, "cross_exchange");
    header->symbol[0] = (struct abi_symbol){.tick = 1,
                                            .lot = 1,
                                            .min_qty = 1,
                                            .min_notional_e8 = 500000000,
                                            .price_digits = 2,
                                            .qty_digits = 5,
                                            .base_asset = 1,
                                            .quote_asset = 0,
                                            .venue_mask = 1};
    snprintf(header->symbol[0].name, sizeof header->symbol[0].name, "BTCUSDT");
}

static void fill_words(void *value, size_t size, uint64_t n) {
    for (size_t i = 0; i < size / sizeof n; i++)
        memcpy((uint8_t *)value + i * sizeof n, &n, sizeof n);
}

static void publish_status(struct abi_segment *segment, uint64_t n) {
    struct abi_status status;
    fill_words(&status, sizeof status, n);
    status.heartbeat_mono_ns = clock_mono_ns();
    status.heartbeat_wall_ns = status.heartbeat_mono_ns + segment->header.wall_offset_ns;
    status.trading_state = ABI_STATE_ACTIVE;
    status.alarm_count = 0;
    status.recording = 0;
    status.open_pairs = 0;
    snprintf(status.state_reason, sizeof status.state_reason, "n = %" PRIu64, n);
    snprintf(status.actor, sizeof status.actor, "shm_writer");
    SHM_PUBLISH(segment->status, &status);
}

static void publish_venue(struct abi_segment *segment, uint64_t n) {
    struct abi_venue venue;
    fill_words(&venue, sizeof venue, n);
    venue.state = ABI_VENUE_UP;
    venue.feed_up = venue.orders_up = venue.user_up = 1;
    venue.feed_connections_up = venue.feed_connections = 1;
    venue.tls = venue.reserved = 0;
    snprintf(venue.reason, sizeof venue.reason, "n = %" PRIu64, n);
    SHM_PUBLISH(segment->venue, &venue);
    struct abi_book book;
    fill_words(&book, sizeof book, n);
    for (size_t i = 0; i < ABI_BOOK_PAGE; i++)
        book.quote[i].flags = book.quote[i].reserved = 0;
    SHM_PUBLISH(segment->book, &book);
    struct abi_balances balances;
    fill_words(&balances, sizeof balances, n);
    SHM_PUBLISH(segment->balances, &balances);
}

static void publish_strategy(struct abi_segment *segment, uint64_t n) {
    struct abi_strategy strategy;
    fill_words(&strategy, sizeof strategy, n);
    strategy.state = ABI_STRATEGY_RUNNING;
    strategy.best_symbol = strategy.best_buy_venue = strategy.best_sell_venue = 0;
    snprintf(strategy.reason, sizeof strategy.reason, "n = %" PRIu64, n);
    SHM_PUBLISH(segment->strategy, &strategy);
}

static void publish_totals(struct abi_segment *segment, uint64_t n) {
    struct abi_pnl pnl;
    struct abi_counters counters;
    struct abi_risk risk;
    fill_words(&pnl, sizeof pnl, n);
    fill_words(&counters, sizeof counters, n);
    fill_words(&risk, sizeof risk, n);
    SHM_PUBLISH(segment->pnl, &pnl);
    SHM_PUBLISH(segment->counters, &counters);
    SHM_PUBLISH(segment->risk, &risk);
    struct abi_exposures exposures;
    fill_words(&exposures, sizeof exposures, n);
    for (size_t i = 0; i < ABI_EXPOSURE_MAX; i++) {
        struct abi_exposure *item = &exposures.item[i];
        item->symbol = item->buy_venue = item->sell_venue = item->hedges = item->reserved = 0;
        item->state = ABI_EXPOSURE_IN_FLIGHT;
    }
    SHM_PUBLISH(segment->exposures, &exposures);
    struct abi_alarms alarms;
    fill_words(&alarms, sizeof alarms, n);
    for (size_t i = 0; i < ABI_ALARM_MAX; i++) {
        alarms.item[i].severity = ABI_ALARM_ATTENTION;
        alarms.item[i].count = 1;
        snprintf(alarms.item[i].code, sizeof alarms.item[i].code, "TEST");
        snprintf(alarms.item[i].text, sizeof alarms.item[i].text, "n = %" PRIu64, n);
    }
    SHM_PUBLISH(segment->alarms, &alarms);
}

static void publish_orders(struct abi_segment *segment, uint64_t n) {
    struct abi_order order;
    fill_words(&order, sizeof order, n);
    order.symbol = order.venue = order.leg = order.fee_asset = 0;
    order.side = ABI_SIDE_BUY;
    order.state = ABI_ORDER_FILLED;
    snprintf(order.client_id, sizeof order.client_id, "n = %" PRIu64, n);
    snprintf(order.venue_id, sizeof order.venue_id, "n = %" PRIu64, n);
    snprintf(order.reason, sizeof order.reason, "n = %" PRIu64, n);
    SHM_PUBLISH_CELL(&segment->order[n % ABI_RING_SIZE], &order);
    __atomic_store_n(&segment->heads.order, n, __ATOMIC_RELEASE);
    struct abi_fill fill;
    fill_words(&fill, sizeof fill, n);
    fill.symbol = fill.venue = fill.leg = fill.fee_asset = fill.reserved = 0;
    fill.side = ABI_SIDE_BUY;
    snprintf(fill.client_id, sizeof fill.client_id, "n = %" PRIu64, n);
    snprintf(fill.trade_id, sizeof fill.trade_id, "n = %" PRIu64, n);
    SHM_PUBLISH_CELL(&segment->fill[n % ABI_RING_SIZE], &fill);
    __atomic_store_n(&segment->heads.fill, n, __ATOMIC_RELEASE);
}

static void publish_rings(struct abi_segment *segment, uint64_t n) {
    struct abi_opportunity opportunity;
    fill_words(&opportunity, sizeof opportunity, n);
    opportunity.symbol = opportunity.strategy = opportunity.buy_venue = opportunity.sell_venue = 0;
    opportunity.outcome = ABI_OUTCOME_BOTH;
    opportunity.refusal = ABI_REFUSAL_NONE;
    SHM_PUBLISH_CELL(&segment->opportunity[n % ABI_RING_SIZE], &opportunity);
    __atomic_store_n(&segment->heads.opportunity, n, __ATOMIC_RELEASE);
    publish_orders(segment, n);
    struct abi_pnl_sample sample;
    fill_words(&sample, sizeof sample, n);
    SHM_PUBLISH_CELL(&segment->pnl_ring[n % ABI_PNL_RING_SIZE], &sample);
    __atomic_store_n(&segment->heads.pnl, n, __ATOMIC_RELEASE);
}

static void publish_all(struct abi_segment *segment, uint64_t n) {
    publish_status(segment, n);
    publish_totals(segment, n);
    publish_venue(segment, n);
    publish_strategy(segment, n);
    publish_rings(segment, n);
    for (size_t i = 0; i < ABI_STAGE_MAX; i++)
        __atomic_store_n(&segment->stage[i].bucket[n % ABI_HISTOGRAM_BUCKETS], n, __ATOMIC_RELAXED);
}

int main(int argc, char **argv) {
    char *end = NULL;
    uint64_t generation = argc == 3 ? strtoull(argv[2], &end, 10) : 0;
    if (argc != 3 || generation == 0 || *end != '\0') {
        fprintf(stderr, "usage: shm_writer INSTANCE GENERATION (a number from 1)\n");
        return 2;
    }
    struct error_trail trail = {0};
    struct abi_segment *segment = shm_create(argv[1], generation, &trail);
    if (segment == NULL) {
        fprintf(stderr, "shm_writer: %s\n", trail.text);
        return 1;
    }
    struct sigaction action = {.sa_handler = request_stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    fill_header(segment);
    publish_all(segment, 1);
    shm_ready(segment);
    printf("ready\n");
    fflush(stdout);
    for (uint64_t n = 2; !stop_requested; n++)
        publish_all(segment, n);
    shm_destroy(segment);
    return 0;
}
