/* Who owns a descriptor: a connection handed to a hot thread that is late stays handed over. Closed here, its number
 * would go to the next connection, and the hot thread would send orders of one venue to another. */
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connection_handed_to_a_late_hot_thread_stays_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
