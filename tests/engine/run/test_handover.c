/* Protects prices on their way between threads: none is handed over twice, torn or out of its symbol's order, the last
 * one of each symbol always arrives, and what was replaced on the way is counted to the unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "run/handover.h"

#define KEYS 40u

static struct handover_quote quote_of(uint32_t key, uint64_t number) {
    return (struct handover_quote){.bid_price = (int64_t)number,
                                   .ask_price = (int64_t)(number * 3 + key),
                                   .ask_qty = -(int64_t)number,
                                   .venue_seq = number,
                                   .symbol = key & 1023};
}

static void check_whole(const struct handover_quote *quote) {
    uint64_t number = quote->venue_seq;
    assert_int_equal(quote->bid_price, number);
    assert_int_equal(quote->ask_price, number * 3 + quote->symbol);
    assert_int_equal(quote->ask_qty, -(int64_t)number);
}

static void test_handover_gives_all_in_order_while_there_is_room(void **state) {
    (void)state;
    struct handover handover;
    struct handover_quote out;
    assert_int_equal(handover_create(&handover, KEYS), 0);
    assert_true(handover_is_empty(&handover));
    assert_false(handover_pop(&handover, &out));
    for (uint64_t n = 0; n < HANDOVER_ITEMS; n++) {
        struct handover_quote quote = quote_of((uint32_t)(n % KEYS), n);
        handover_push(&handover, (uint32_t)(n % KEYS), &quote);
    }
    assert_false(handover_is_empty(&handover));
    for (uint64_t n = 0; n < HANDOVER_ITEMS; n++) {
        assert_true(handover_pop(&handover, &out));
        assert_int_equal(out.venue_seq, n);
        check_whole(&out);
    }
    assert_int_equal(handover.replaced_count, 0);
    handover_destroy(&handover);
}

static void test_handover_keeps_the_newest_of_each_symbol_while_full(void **state) {
    (void)state;
    struct handover handover;
    struct handover_quote out;
    assert_int_equal(handover_create(&handover, KEYS), 0);
    const uint64_t pushed = HANDOVER_ITEMS + 5 * KEYS;
    for (uint64_t n = 0; n < pushed; n++) {
        struct handover_quote quote = quote_of((uint32_t)(n % KEYS), n);
        handover_push(&handover, (uint32_t)(n % KEYS), &quote);
    }
    assert_int_equal(handover.replaced_count, 4 * KEYS);
    assert_false(handover_flush(&handover));
    uint64_t popped = 0;
    while (popped < HANDOVER_ITEMS && handover_pop(&handover, &out))
        assert_int_equal(out.venue_seq, popped++);
    assert_true(handover_flush(&handover));
    bool seen[KEYS] = {false};
    while (handover_pop(&handover, &out)) {
        check_whole(&out);
        assert_true(out.venue_seq >= pushed - KEYS);
        assert_false(seen[out.symbol]);
        seen[out.symbol] = true;
        popped++;
    }
    assert_int_equal(popped + handover.replaced_count, pushed);
    handover_destroy(&handover);
}

struct flood {
    struct handover handover;
    uint64_t total;
    _Atomic bool done;
};

static void *flood(void *argument) {
    struct flood *it = argument;
    unsigned seed = 7;
    for (uint64_t n = 1; n <= it->total; n++) {
        uint32_t key = (uint32_t)rand_r(&seed) % KEYS;
        struct handover_quote quote = quote_of(key, n);
        handover_push(&it->handover, key, &quote);
    }
    while (!handover_flush(&it->handover))
        sched_yield();
    it->done = true;
    return NULL;
}

static void test_handover_between_threads_loses_only_what_it_counts(void **state) {
    (void)state;
    struct flood it = {.total = 2000000};
    assert_int_equal(handover_create(&it.handover, KEYS), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, flood, &it), 0);
    uint64_t last[KEYS] = {0}, popped = 0;
    for (bool done = false; !done;) {
        done = it.done;
        struct handover_quote out;
        while (handover_pop(&it.handover, &out)) {
            check_whole(&out);
            assert_true(out.venue_seq > last[out.symbol]);
            last[out.symbol] = out.venue_seq;
            popped++;
            if (popped % 4096 == 0) sched_yield(); /* lets the ring run full now and then */
        }
    }
    pthread_join(thread, NULL);
    assert_int_equal(popped + it.handover.replaced_count, it.total);
    unsigned seed = 7;
    uint64_t newest[KEYS] = {0};
    for (uint64_t n = 1; n <= it.total; n++)
        newest[(uint32_t)rand_r(&seed) % KEYS] = n;
    for (uint32_t key = 0; key < KEYS; key++)
        assert_int_equal(last[key], newest[key]);
    handover_destroy(&it.handover);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handover_gives_all_in_order_while_there_is_room),
        cmocka_unit_test(test_handover_keeps_the_newest_of_each_symbol_while_full),
        cmocka_unit_test(test_handover_between_threads_loses_only_what_it_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
