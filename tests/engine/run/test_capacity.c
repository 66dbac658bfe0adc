/* Protects an engine at its limits, 1024 symbols and 2048 assets on 8 venues: it starts, what it publishes is what the
 * core holds, no publication writes more than a bounded number of pages, and a restart recovers every balance. */
#include <sys/stat.h>

#include "booted.h"

#define SYMBOLS ABI_SYMBOL_MAX
#define ASSETS  ABI_ASSET_MAX
#define VENUES  ABI_VENUE_MAX

static char home[64], config[80];

static void write_engine_json(void) {
    char path[128];
    snprintf(path, sizeof path, "%s/engine.json", config);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "{\"instance\": \"capacity\", \"mode\": \"SIM\", \"venues\": [");
    for (uint32_t v = 0; v < VENUES; v++)
        fprintf(file,
                "%s{\"name\": \"venue%u\", \"kind\": \"binance\", \"feed_url\": \"ws://127.0.0.1:1\", "
                "\"orders_url\": \"ws://127.0.0.1:1\", \"rest_url\": \"http://127.0.0.1:1\", \"key\": \"key\", "
                "\"secret\": \"secret\", \"taker_fee_bps\": %u}",
                v == 0 ? "" : ", ", v, v + 1);
    fprintf(file, "], \"symbols\": [");
    for (uint32_t s = 0; s < SYMBOLS; s++) /* no asset twice: as many as there can be */
        fprintf(file,
                "%s\n{\"name\": \"B%04uQ%04u\", \"base\": \"B%04u\", \"quote\": \"Q%04u\", \"tick\": \"0.01\", "
                "\"lot\": \"0.001\", \"min_qty\": \"0.001\", \"min_notional\": \"5\"}",
                s == 0 ? "" : ",", s, s, s, s);
    fprintf(file, "],");
    /* The shipped limits: the rest of the shipped file from "risk" on. */
    FILE *shipped = fopen(TEST_SOURCE_DIR "/config/engine.json", "r");
    assert_non_null(shipped);
    char line[512];
    bool in_risk = false;
    while (fgets(line, sizeof line, shipped) != NULL) {
        in_risk |= strstr(line, "\"risk\"") != NULL;
        if (in_risk) fputs(line, file);
    }
    fclose(shipped);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state) {
    (void)state;
    char command[256];
    log_init(LOG_FATAL);
    snprintf(home, sizeof home, "/tmp/arbdeck_cap_XXXXXX");
    assert_non_null(mkdtemp(home));
    snprintf(config, sizeof config, "%s/config", home);
    assert_int_equal(mkdir(config, 0700), 0);
    write_engine_json();
    snprintf(command, sizeof command, "cp %s/config/strategies.json %s", TEST_SOURCE_DIR, config);
    return system(command);
}

static int tear_down(void **state) {
    (void)state;
    char command[192];
    snprintf(command, sizeof command, "rm -r %s && rm -f /dev/shm/arbdeck-cap_%d-*", home, (int)getpid());
    return system(command);
}

static void start(struct booted *b) {
    struct error_trail trail = {0};
    snprintf(b->instance, sizeof b->instance, "cap_%d", (int)getpid());
    b->engine = calloc(1, sizeof *b->engine);
    assert_non_null(b->engine);
    if (engine_boot(b->engine, home, config, b->instance, &trail) != 0) fail_msg("%s", trail.text);
    b->hot = hot_create(b->engine, &trail);
    assert_non_null(b->hot);
    b->hot->now = clock_mono_ns();
}

/* Ends as a process does that is killed: nothing is said in the journal. */
static void end(struct booted *b) {
    hot_destroy(b->hot);
    engine_shut(b->engine);
    free(b->engine);
}

/* The control thread's work. */
static void flush(struct booted *b) {
    struct error_trail trail = {0};
    assert_true(journal_flush(b->engine->writer, false, &trail) >= 0);
}

static int64_t amount_e8(uint32_t venue, uint32_t asset) {
    return (int64_t)(venue + 1) * 1000000 + asset;
}

static void open_books(struct booted *b) {
    for (uint32_t v = 0; v < VENUES; v++) {
        for (uint32_t a = 0; a < ASSETS; a++) {
            struct journal_balance balance = {
                .amount_e8 = amount_e8(v, a), .venue = v, .asset = a, .reason = JOURNAL_BALANCE_OPENING};
            apply_balance(b->hot, &balance);
        }
        flush(b);
    }
}

static void quote(struct booted *b, uint32_t venue, uint32_t symbol, int64_t bid) {
    struct journal_quote quote = {.bid_price = bid,
                                  .bid_qty = 1000,
                                  .ask_price = bid + 1,
                                  .ask_qty = 1000,
                                  .recv_ns = b->hot->now,
                                  .symbol = symbol,
                                  .venue = venue};
    apply_quote(b->hot, &quote, 0);
}

/* Publications of all pages of one kind so far: n of them leave 2n in a page's newest slot. */
static uint64_t publications(const void *slots, size_t slot_size, uint32_t page_count) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < page_count; i++) {
        const uint64_t *first = (const uint64_t *)(const void *)((const uint8_t *)slots + 2 * i * slot_size);
        const uint64_t *second = (const uint64_t *)(const void *)((const uint8_t *)first + slot_size);
        sum += (*first > *second ? *first : *second) / 2;
    }
    return sum;
}

static uint64_t books_written(const struct booted *b) {
    const struct abi_segment *segment = b->engine->segment;
    return publications(segment->book, sizeof segment->book[0], VENUES * ABI_BOOK_PAGES);
}

static uint64_t balances_written(const struct booted *b) {
    const struct abi_segment *segment = b->engine->segment;
    return publications(segment->balances, sizeof segment->balances[0], VENUES * ABI_BALANCES_PAGES);
}

static void published_is_what_the_core_holds(const struct booted *b) {
    const struct abi_segment *segment = b->engine->segment;
    for (uint32_t v = 0; v < VENUES; v++) {
        for (uint32_t p = 0; p < ABI_BOOK_PAGES; p++) {
            const struct abi_book_slot *slot = &segment->book[2 * (v * ABI_BOOK_PAGES + p)];
            struct abi_book held;
            core_view_book(b->hot->core, v, p, &held);
            assert_memory_equal(&slot[slot[1].seq > slot[0].seq].value, &held, sizeof held);
        }
        for (uint32_t p = 0; p < ABI_BALANCES_PAGES; p++) {
            const struct abi_balances_slot *slot = &segment->balances[2 * (v * ABI_BALANCES_PAGES + p)];
            struct abi_balances held;
            core_view_balances(b->hot->core, v, p, &held);
            assert_memory_equal(&slot[slot[1].seq > slot[0].seq].value, &held, sizeof held);
        }
    }
}

static void publish_until_nothing_waits(struct booted *b) {
    uint32_t rounds = 0;
    do {
        publish_all(b->hot);
        assert_true(++rounds <= VENUES);
    } while (b->hot->dirty);
}

static void test_pages_published_are_what_the_core_holds_and_each_time_a_bounded_number(void **state) {
    (void)state;
    struct booted b;
    start(&b);
    assert_int_equal(b.engine->setup.symbol_count, SYMBOLS);
    assert_int_equal(b.engine->setup.asset_count, ASSETS);
    assert_int_equal(b.engine->segment->header.symbol_count, SYMBOLS);
    assert_string_equal(b.engine->segment->header.symbol[SYMBOLS - 1].name, "B1023Q1023");
    open_books(&b);
    uint32_t random = 20261122;
    for (uint32_t i = 0; i < 20000; i++) {
        random = random * 1664525 + 1013904223;
        quote(&b, random >> 29, random >> 7 & (SYMBOLS - 1), 100000 + (random >> 20 & 7)); /* no gap: 0.8 bps */
        if (i % 100 != 0) continue;
        uint64_t books = books_written(&b), balances = balances_written(&b);
        publish_all(b.hot);
        assert_true(books_written(&b) - books <= ABI_BOOK_PAGES);
        assert_true(balances_written(&b) - balances <= ABI_BALANCES_PAGES);
        flush(&b);
    }
    publish_until_nothing_waits(&b);
    published_is_what_the_core_holds(&b);
    end(&b);
}

static void test_a_quote_costs_one_page_and_a_venue_that_is_lost_its_own_pages(void **state) {
    (void)state;
    struct booted b;
    start(&b);
    quote(&b, 7, 1023, 100);
    publish_until_nothing_waits(&b);
    uint64_t before = books_written(&b);
    publish_all(b.hot);
    assert_int_equal(books_written(&b), before);
    quote(&b, 7, 1023, 101);
    quote(&b, 7, 1000, 102);
    publish_all(b.hot);
    assert_int_equal(books_written(&b), before + 1);
    struct journal_state down = {.what = JOURNAL_STATE_VENUE, .index = 7, .new_value = ABI_VENUE_DOWN};
    apply_state(b.hot, &down);
    publish_all(b.hot);
    assert_int_equal(books_written(&b), before + 1 + ABI_BOOK_PAGES);
    published_is_what_the_core_holds(&b);
    end(&b);
}

static void test_restart_recovers_every_balance_although_the_head_is_longer_than_the_tail(void **state) {
    (void)state;
    struct booted b;
    start(&b);
    open_books(&b);
    end(&b);
    start(&b);
    assert_true(journal_last_seq(b.engine->tail) > JOURNAL_TAIL_RECORDS);
    assert_int_equal(journal_disk_seq(b.engine->tail), journal_last_seq(b.engine->tail));
    publish_until_nothing_waits(&b);
    published_is_what_the_core_holds(&b);
    for (uint32_t v = 0; v < VENUES; v++)
        for (uint32_t a = 0; a < ASSETS; a++) {
            assert_true(b.engine->opened[v][a]);
            struct abi_balances held;
            core_view_balances(b.hot->core, v, a / ABI_BALANCES_PAGE, &held);
            assert_int_equal(held.asset[a % ABI_BALANCES_PAGE].total_e8, amount_e8(v, a));
        }
    end(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pages_published_are_what_the_core_holds_and_each_time_a_bounded_number,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_quote_costs_one_page_and_a_venue_that_is_lost_its_own_pages, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_restart_recovers_every_balance_although_the_head_is_longer_than_the_tail, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
