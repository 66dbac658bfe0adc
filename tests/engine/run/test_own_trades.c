/* Whether an order traded is proved by the venue's list of our trades, which comes in pages. A page that was cut proves
 * nothing: taken for the whole list, a filled order would be booked as never accepted. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "run/courier.h"

#include "booted.h"

#define PAGE   100
#define ROWS   450
#define SENT_S INT64_C(1790000000)

/* A venue that lists `rows` trades, one at each of time_ms, at most 100 an answer. */
struct venue {
    int listener;
    uint16_t port;
    pthread_t thread;
    bool newest_first;
    int64_t time_ms[ROWS];
    int ours; /* the row with our client id; -1: none */
    atomic_int pages, full_pages;
    char body[PAGE * 320];
    char answer[PAGE * 320 + 128];
};

static int64_t number_after(const char *text, const char *name) {
    const char *at = strstr(text, name);
    assert_non_null(at);
    return strtoll(at + strlen(name), NULL, 10);
}

static size_t list(struct venue *venue, int64_t start_ms, int64_t end_ms) {
    size_t size = (size_t)sprintf(venue->body, "[");
    int count = 0;
    for (int i = 0; i < ROWS && count < PAGE; i++) {
        int row = venue->newest_first ? ROWS - 1 - i : i;
        if (venue->time_ms[row] < start_ms || venue->time_ms[row] > end_ms) continue;
        size +=
            (size_t)sprintf(venue->body + size,
                            "%s{\"symbol\":\"BTCUSDT\",\"id\":\"t%d\",\"orderId\":\"o%d\",\"price\":\"60000.00\","
                            "\"qty\":\"0.001\",\"quoteQty\":\"60\",\"commission\":\"0.03\",\"commissionAsset\":"
                            "\"USDT\",\"time\":%lld,\"isBuyer\":true,\"isMaker\":false,\"clientOrderId\":\"%s\"}",
                            count == 0 ? "" : ",", row, row, (long long)venue->time_ms[row],
                            row == venue->ours ? "ours" : "another");
        count++;
    }
    atomic_fetch_add(&venue->pages, 1);
    if (count == PAGE) atomic_fetch_add(&venue->full_pages, 1);
    return size + (size_t)sprintf(venue->body + size, "]");
}

static void *serve(void *argument) {
    struct venue *venue = argument;
    int fd = accept(venue->listener, NULL, NULL);
    char request[4096];
    size_t have = 0;
    for (;;) {
        ssize_t got = recv(fd, request + have, sizeof request - 1 - have, 0);
        if (got <= 0) break;
        have += (size_t)got;
        request[have] = '\0';
        if (strstr(request, "\r\n\r\n") == NULL) continue;
        size_t size = list(venue, number_after(request, "startTime="), number_after(request, "endTime="));
        int whole = snprintf(venue->answer, sizeof venue->answer,
                             "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", size, venue->body);
        assert_int_equal(send(fd, venue->answer, (size_t)whole, MSG_NOSIGNAL), whole);
        have = 0;
    }
    close(fd);
    return NULL;
}

static void venue_start(struct venue *venue) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    venue->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(venue->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(venue->listener, 4), 0);
    assert_int_equal(getsockname(venue->listener, (struct sockaddr *)&address, &size), 0);
    venue->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&venue->thread, NULL, serve, venue), 0);
}

struct asked {
    int count;
    int64_t qty;
    int pages, full_pages;
    int told; /* fills handed to the hot thread */
};

/* What the courier finds out about an order sent at SENT_S of which no venue id is known. */
static struct asked ask(struct venue *venue) {
    struct booted b;
    struct asked asked = {0};
    booted_start(&b);
    struct courier *courier = calloc(1, sizeof *courier);
    assert_non_null(courier);
    courier->engine = b.engine;
    struct desk *desk = &courier->desk[MEXC];
    char url[64];
    venue_start(venue);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", venue->port);
    desk->ops = b.engine->ops[MEXC];
    desk->settings = &b.engine->settings.venue[MEXC];
    desk->rest.fd = -1;
    desk->keys = &b.engine->keys[MEXC];
    assert_int_equal(url_parse(url, &desk->rest_url), 0);
    struct to_courier order = {.venue = MEXC, .sent_wall_ns = SENT_S * SECOND, .client_id = "ours"};
    asked.count = courier_own_trades(courier, &order, "", 0, &asked.qty);
    asked.pages = atomic_load(&venue->pages);
    asked.full_pages = atomic_load(&venue->full_pages);
    struct to_hot message;
    while (spsc_pop(b.engine->to_hot[LANE_COURIER], &message))
        asked.told += message.kind == TO_HOT_INPUT && message.record.type == JOURNAL_FILL;
    tcp_close(&desk->rest);
    pthread_join(venue->thread, NULL);
    close(venue->listener);
    free(courier);
    booted_end(&b);
    return asked;
}

static struct venue *busy_venue(bool newest_first, int ours) {
    struct venue *venue = calloc(1, sizeof *venue);
    assert_non_null(venue);
    venue->newest_first = newest_first;
    venue->ours = ours;
    for (int i = 0; i < ROWS; i++) /* bunched around the order's time */
        venue->time_ms[i] = SENT_S * 1000 + (i < 300 ? i - 150 : 20 * (i - 300));
    return venue;
}

static void test_a_list_longer_than_a_page_is_read_to_its_end(void **state) {
    (void)state;
    for (int newest_first = 0; newest_first < 2; newest_first++) {
        struct venue *venue = busy_venue(newest_first != 0, -1);
        struct asked asked = ask(venue);
        assert_int_equal(asked.count, 0);
        assert_int_equal(asked.told, 0);
        assert_true(asked.full_pages > 0);
        assert_true(asked.pages - asked.full_pages >= ROWS / PAGE);
        free(venue);
    }
}

static void test_a_trade_behind_the_first_page_is_found_and_booked_once(void **state) {
    (void)state;
    for (int newest_first = 0; newest_first < 2; newest_first++) {
        struct venue *venue = busy_venue(newest_first != 0, 220);
        struct asked asked = ask(venue);
        assert_int_equal(asked.count, 1);
        assert_int_equal(asked.qty, 100); /* 0.001 in units of 10^-5 */
        assert_int_equal(asked.told, 1);
        free(venue);
    }
}

static void test_more_trades_in_a_millisecond_than_a_page_prove_nothing(void **state) {
    (void)state;
    struct venue *venue = busy_venue(false, -1);
    for (int i = 0; i < 150; i++)
        venue->time_ms[i] = SENT_S * 1000;
    struct asked asked = ask(venue);
    assert_int_equal(asked.count, ERROR_NEED_MORE);
    assert_int_equal(asked.told, 0);
    free(venue);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_longer_than_a_page_is_read_to_its_end),
        cmocka_unit_test(test_a_trade_behind_the_first_page_is_found_and_booked_once),
        cmocka_unit_test(test_more_trades_in_a_millisecond_than_a_page_prove_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
