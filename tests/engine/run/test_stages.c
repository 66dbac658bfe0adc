/* Protects the latency figures: every stage is taken from the right two moments, measuring is sampled, and what waited
 * while a turn was held up counts from when it can have come, not from when it was seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../net/uring_fixture.h"
#include "run/stages.h"

static struct abi_histogram histograms[ABI_STAGE_MAX];
static struct stages stages;

static int clear(void **state) {
    (void)state;
    memset(histograms, 0, sizeof histograms);
    memset(&stages, 0, sizeof stages);
    stages.out = histograms;
    return 0;
}

static uint64_t count_of(enum abi_stage stage) {
    uint64_t sum = 0;
    for (size_t i = 0; i < ABI_HISTOGRAM_BUCKETS; i++)
        sum += histograms[stage].bucket[i];
    return sum;
}

static uint64_t count_above(enum abi_stage stage, int64_t value_ns) {
    uint64_t sum = 0;
    for (size_t i = histogram_index((uint64_t)value_ns); i < ABI_HISTOGRAM_BUCKETS; i++)
        sum += histograms[stage].bucket[i];
    return sum;
}

/* One message as the hot thread takes it. */
static void message(bool has_order) {
    stages_message(&stages);
    stages_stamp(&stages, STAMP_FRAMED);
    stages_stamp_at(&stages, STAMP_DECODED, clock_mono_ns());
    stages_decided(&stages, has_order);
}

static void test_stages_are_sampled_one_in_64_and_always_for_orders(void **state) {
    (void)state;
    int64_t now = clock_mono_ns();
    for (int turn = 0; turn < 64; turn++) {
        stages_bytes(&stages, now, now);
        for (int i = 0; i < 10; i++)
            message(false);
    }
    const enum abi_stage early[] = {ABI_STAGE_RECEIVE, ABI_STAGE_FRAME, ABI_STAGE_DECODE, ABI_STAGE_DECIDE};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(count_of(early[i]), 10);
    for (int i = 0; i < 5; i++) { /* the first message of a receive completion: with all its stamps */
        stages_bytes(&stages, now, now);
        message(true);
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(count_of(early[i]), 15);
    message(true); /* behind another: from the decision on */
    assert_int_equal(count_of(ABI_STAGE_FRAME), 15);
    assert_int_equal(count_of(ABI_STAGE_DECIDE), 16);
    assert_int_equal(count_of(ABI_STAGE_DECRYPT), 0);
    assert_int_equal(count_of(ABI_STAGE_BOOK), 0);
}

static void test_stages_of_an_order_are_between_their_moments(void **state) {
    (void)state;
    stages_bytes(&stages, 1000000, 1000000);
    stages_order(&stages, true, 1000300, 1000700, 1003000);
    assert_int_equal(histograms[ABI_STAGE_ENCODE].bucket[histogram_index(400)], 1);
    assert_int_equal(histograms[ABI_STAGE_SEND].bucket[histogram_index(2300)], 1);
    assert_int_equal(histograms[ABI_STAGE_TICK_TO_ORDER].bucket[histogram_index(700)], 1);
    assert_int_equal(histograms[ABI_STAGE_TICK_TO_WIRE].bucket[histogram_index(3000)], 1);
    stages_order(&stages, false, 1000300, 1000700, 1003000); /* a hedge: no tick led to it */
    assert_int_equal(count_of(ABI_STAGE_ENCODE), 2);
    assert_int_equal(count_of(ABI_STAGE_TICK_TO_ORDER), 1);
}

#define STALL_NS 30000000

/* A ring, a peer, and turns of a loop: the tick arrives while a turn is held up for 30 ms. */
static void test_latency_counts_the_wait_behind_a_stalled_turn(void **state) {
    (void)state;
    struct uring *ring = ring_new(RECEIVE_SIZE);
    int fds[2];
    tcp_pair(fds);
    int connection = uring_add(ring, fds[0], NULL, 0);
    uint64_t uncorrected_count = 0;
    for (int tick = 0; tick < 20; tick++) {
        bool stalled = tick % 4 == 3;
        struct uring_event event;
        (void)uring_poll(ring, 0, &event, 1);
        int64_t began_ns = uring_looked_ns(ring);
        if (stalled) {
            write_all(fds[1], "tick", 4);
            while (clock_mono_ns() - began_ns < STALL_NS) {
            }
        } else {
            expect_nothing(ring); /* waits 20 ms, */
            write_all(fds[1], "tick", 4);
        }
        event = next_event(ring);
        assert_int_equal(event.kind, URING_RECEIVED);
        assert_true(event.since_ns <= event.recv_ns);
        stages_bytes(&stages, event.recv_ns, event.since_ns);
        int64_t ready_ns = clock_mono_ns();
        stages_order(&stages, true, ready_ns, ready_ns, ready_ns);
        uncorrected_count += ready_ns - event.recv_ns > STALL_NS;
        size_t size;
        (void)uring_data(ring, (uint32_t)connection, &size);
        uring_consume(ring, (uint32_t)connection, size);
        stages_turn(&stages, 2000);
    }
    assert_int_equal(count_of(ABI_STAGE_TICK_TO_ORDER), 20);
    assert_in_range(count_above(ABI_STAGE_TICK_TO_ORDER, STALL_NS * 63 / 64), 5, 20);
    assert_true(uncorrected_count < count_above(ABI_STAGE_TICK_TO_ORDER, STALL_NS * 63 / 64));
    close(fds[1]);
    uring_destroy(ring);
}

static void test_latency_leaves_usual_turns_and_waits_alone(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++)
        stages_turn(&stages, 50000);
    assert_in_range(stages.turn_mean_ns, 40000, 50000);
    stages_bytes(&stages, 5000000, 5000000 - 150000); /* three usual turns */
    assert_int_equal(stages.since_ns, 5000000);
    stages_bytes(&stages, 5000000, 5000000 - 400000);
    assert_int_equal(stages.since_ns, 4600000);
    for (int i = 0; i < 20; i++)
        stages_turn(&stages, 1000000000); /* stalls do not become usual at once */
    assert_true(stages.turn_mean_ns < 1000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_stages_are_sampled_one_in_64_and_always_for_orders, clear),
        cmocka_unit_test_setup(test_stages_of_an_order_are_between_their_moments, clear),
        cmocka_unit_test_setup(test_latency_counts_the_wait_behind_a_stalled_turn, clear),
        cmocka_unit_test_setup(test_latency_leaves_usual_turns_and_waits_alone, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
