/* When the courier connects, and who owns a descriptor: one handed to a hot thread that is late stays handed over.
 * Closed here, its number would go to the next connection, and the hot thread would send orders of one venue to
 * another. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <time.h>

#include "run/courier.h"

#include "booted.h"

static int listen_on(uint16_t *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void point_at(struct settings_venue *venue, uint16_t closed_port, uint16_t orders_port) {
    snprintf(venue->feed_url, sizeof venue->feed_url, "ws://127.0.0.1:%u", closed_port);
    snprintf(venue->user_url, sizeof venue->user_url, "ws://127.0.0.1:%u", closed_port);
    snprintf(venue->rest_url, sizeof venue->rest_url, "http://127.0.0.1:%u", closed_port);
    snprintf(venue->orders_url, sizeof venue->orders_url, "http://127.0.0.1:%u", orders_port);
}

static int handed_over(struct engine *engine, int64_t until_ns) {
    struct to_hot message;
    while (clock_mono_ns() < until_ns) {
        while (spsc_pop(engine->to_hot[LANE_COURIER], &message))
            if (message.kind == TO_HOT_CONNECTION) return message.fd;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return -1;
}

static void test_connection_handed_to_a_late_hot_thread_stays_open(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    uint16_t orders_port, closed_port;
    int listener = listen_on(&orders_port);
    close(listen_on(&closed_port));
    b.engine->settings.venue_count = b.engine->setup.venue_count = 1;
    b.engine->settings.venue[0] = b.engine->settings.venue[MEXC];
    b.engine->ops[0] = b.engine->ops[MEXC];
    point_at(&b.engine->settings.venue[0], closed_port, orders_port);
    b.engine->settings.venue[0].order_connections = 1;
    pthread_t courier;
    assert_int_equal(pthread_create(&courier, NULL, courier_main, b.engine), 0);
    int fd = handed_over(b.engine, clock_mono_ns() + 5 * SECOND);
    assert_true(fd >= 0);
    int again = handed_over(b.engine, clock_mono_ns() + 3 * SECOND); /* longer than a message is waited for */
    assert_true(fcntl(fd, F_GETFD) >= 0);
    assert_int_equal(again, -1); /* and no second connection takes its place meanwhile */
    atomic_store(&b.engine->hot_done, true);
    pthread_join(courier, NULL);
    close(fd);
    close(listener);
    booted_end(&b);
}

/* A venue of HTTP order connections alone; its other addresses are closed. */
struct lone_venue {
    struct booted booted;
    struct venue_ops ops;
    int listener, closed;
    pthread_t courier;
};

static void lone_start(struct lone_venue *lone, uint32_t connections) {
    uint16_t orders_port, closed_port;
    struct engine *engine;
    booted_start(&lone->booted);
    engine = lone->booted.engine;
    lone->listener = listen_on(&orders_port);
    close(listen_on(&closed_port));
    engine->settings.venue_count = engine->setup.venue_count = 1;
    engine->settings.venue[0] = engine->settings.venue[MEXC];
    lone->ops = *engine->ops[MEXC];
    engine->ops[0] = &lone->ops;
    point_at(&engine->settings.venue[0], closed_port, orders_port);
    engine->settings.venue[0].order_connections = connections;
}

static void lone_run(struct lone_venue *lone) {
    assert_int_equal(pthread_create(&lone->courier, NULL, courier_main, lone->booted.engine), 0);
}

static void lone_end(struct lone_venue *lone) {
    atomic_store(&lone->booted.engine->hot_done, true);
    pthread_join(lone->courier, NULL);
    close(lone->listener);
    booted_end(&lone->booted);
}

/* Plays the hot thread for a while: takes what comes, at once. Returns how many order connections came. */
static uint32_t take_connections(struct engine *engine, int64_t for_ns, uint32_t *alarms) {
    struct to_hot message;
    uint32_t count = 0;
    for (int64_t until_ns = clock_mono_ns() + for_ns; clock_mono_ns() < until_ns;) {
        while (spsc_pop(engine->to_hot[LANE_COURIER], &message)) {
            if (message.kind == TO_HOT_CONNECTION) {
                count++;
                close(message.fd);
            }
            if (message.kind == TO_HOT_INPUT && message.record.type == JOURNAL_ALARM) ++*alarms;
            if (message.ticket != 0) atomic_store(&engine->ticket_applied[LANE_COURIER], message.ticket);
        }
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return count;
}

static void test_attempts_to_connect_stay_within_what_the_venue_allows(void **state) {
    (void)state;
    struct lone_venue *lone = calloc(1, sizeof *lone);
    uint32_t alarms = 0;
    lone_start(lone, 12);
    lone->ops.connections_per_5min_max = 20; /* half of them at once, the attempts at the feed among them */
    lone_run(lone);
    uint32_t count = take_connections(lone->booted.engine, 2 * SECOND, &alarms);
    assert_in_range(count, 1, 10);
    assert_int_equal(alarms, 1);
    lone_end(lone);
    free(lone);
}

static void test_venue_that_wants_to_be_left_alone_is_left_alone(void **state) {
    (void)state;
    struct lone_venue *lone = calloc(1, sizeof *lone);
    uint32_t alarms = 0;
    lone_start(lone, 4);
    struct engine *engine = lone->booted.engine;
    int64_t until_ns = clock_mono_ns() + 2 * SECOND;
    struct to_courier message = {.kind = TO_COURIER_ALONE, .number = until_ns};
    assert_int_equal(spsc_push(engine->to_courier, &message), 0);
    lone_run(lone);
    assert_int_equal(take_connections(engine, until_ns - clock_mono_ns() - SECOND / 10, &alarms), 0);
    assert_int_equal(take_connections(engine, SECOND, &alarms), 4);
    lone_end(lone);
    free(lone);
}

static void test_venue_that_does_not_answer_delays_no_other_connection(void **state) {
    (void)state;
    struct lone_venue *lone = calloc(1, sizeof *lone);
    uint32_t alarms = 0;
    uint16_t silent_port;
    int silent = listen_on(&silent_port); /* takes connections and never says a word */
    lone_start(lone, 8);
    snprintf(lone->booted.engine->settings.venue[0].feed_url, 64, "ws://127.0.0.1:%u", silent_port);
    lone_run(lone);
    assert_int_equal(take_connections(lone->booted.engine, SECOND, &alarms), 8);
    lone_end(lone);
    close(silent);
    free(lone);
}

static void test_every_question_counts_against_the_rate_limit(void **state) {
    (void)state;
    static const char *const kinds[] = {"binance", "mexc"};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (int query = VENUE_QUERY_TIME; query < VENUE_QUERIES; query++)
            assert_true(venue_ops_find(kinds[k])->query_weight[query] > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connection_handed_to_a_late_hot_thread_stays_open),
        cmocka_unit_test(test_attempts_to_connect_stay_within_what_the_venue_allows),
        cmocka_unit_test(test_venue_that_wants_to_be_left_alone_is_left_alone),
        cmocka_unit_test(test_venue_that_does_not_answer_delays_no_other_connection),
        cmocka_unit_test(test_every_question_counts_against_the_rate_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
