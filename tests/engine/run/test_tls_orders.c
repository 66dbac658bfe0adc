/* Protects orders over TLS on the hot thread: both legs leave and the venues read them; when one cannot leave the other
 * is not even sealed; what ends a connection in TLS's way is a lost connection, and its keys go to the courier. */
#include "../net/tls_fixture.h"
#include "booted.h"

struct desk {
    struct booted b;
    struct session session[2];
    int venue[2]; /* the venues' descriptors */
    struct journal_order leg[2];
};

/* Our end of an encrypted connection for the gateway; the session keeps the venue's. */
static int connect_tls(struct booted *b, struct session *s, uint32_t venue, enum engine_role role) {
    int ends[2];
    session_start(s, TLS1_3_VERSION);
    session_arrive(s, SESSION_DATA_SIZE);
    assert_int_equal(session_open(s), 0);
    assert_int_equal(s->size, 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    struct to_hot message = {.kind = TO_HOT_CONNECTION, .venue = venue, .role = role, .fd = ends[0], .tls = s->tls};
    s->tls = NULL; /* the gateway's */
    gateway_add(b->hot, &message);
    return ends[1];
}

/* What of ours the venue can read, as text. */
static const char *venue_reads(struct session *s, int fd) {
    static char text[8192];
    static uint8_t bytes[16384];
    size_t size = 0;
    for (ssize_t got; (got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0;)
        assert_int_equal(BIO_write(s->to_server, bytes, (int)got), got);
    for (int got; (got = SSL_read(s->server, text + size, (int)(sizeof text - 1 - size))) > 0;)
        size += (size_t)got;
    text[size] = '\0';
    return text;
}

static void start(struct desk *d) {
    memset(d, 0, sizeof *d);
    booted_start(&d->b);
    d->venue[0] = connect_tls(&d->b, &d->session[0], BINANCE, ENGINE_ORDERS);
    d->venue[1] = connect_tls(&d->b, &d->session[1], MEXC, ENGINE_ORDERS);
    (void)venue_reads(&d->session[0], d->venue[0]); /* the subscription */
    for (uint32_t i = 0; i < 2; i++) {
        d->leg[i] = (struct journal_order){.pair_id = 1,
                                           .order_id = i + 1,
                                           .price = 6500000,
                                           .qty = 1000,
                                           .venue = i,
                                           .leg = i,
                                           .side = i == 0 ? ABI_SIDE_BUY : ABI_SIDE_SELL,
                                           .kind = JOURNAL_ORDER_ARB};
        core_client_id(1, i, d->leg[i].client_id);
    }
}

static void end(struct desk *d) {
    booted_end(&d->b);
    for (int i = 0; i < 2; i++) {
        close(d->venue[i]);
        session_free(&d->session[i]);
    }
}

static void send_both(struct desk *d) {
    const struct journal_order *orders[2] = {&d->leg[0], &d->leg[1]};
    send_orders(d->b.hot, orders, 2, 0);
}

static bool masked_has(const char *frame, const char *word) {
    /* The frame's payload is masked with 4 bytes behind the 4 of its header (126 to 65535 bytes). */
    char plain[4096];
    const uint8_t *head = (const uint8_t *)frame;
    size_t size = (size_t)head[2] << 8 | head[3];
    assert_int_equal(head[1], 0x80 | 126);
    assert_true(size < sizeof plain);
    for (size_t i = 0; i < size; i++)
        plain[i] = (char)(head[8 + i] ^ head[4 + i % 4]);
    plain[size] = '\0';
    return strstr(plain, word) != NULL;
}

static void test_both_legs_leave_encrypted_and_the_venues_read_them(void **state) {
    (void)state;
    struct desk d;
    start(&d);
    send_both(&d);
    char http[8192];
    snprintf(http, sizeof http, "%s", venue_reads(&d.session[1], d.venue[1]));
    assert_int_equal(strncmp(http, "POST /api/v3/order", 18), 0);
    assert_non_null(strstr(http, d.leg[1].client_id));
    assert_true(masked_has(venue_reads(&d.session[0], d.venue[0]), d.leg[0].client_id));
    assert_int_equal(d.b.hot->gateway[BINANCE].view.orders_sent, 1);
    assert_int_equal(d.b.hot->gateway[MEXC].view.orders_sent, 1);
    end(&d);
}

static void test_a_leg_is_not_sealed_when_the_other_cannot_leave(void **state) {
    (void)state;
    struct desk d;
    start(&d);
    struct gateway *gateway = d.b.hot->gateway;
    uring_break(d.b.hot->ring, (uint32_t)gateway[MEXC].orders[0]);
    send_both(&d);
    assert_string_equal(venue_reads(&d.session[0], d.venue[0]), "");
    assert_int_equal(gateway[BINANCE].view.orders_sent, 0);
    /* The count of records still agrees: the connection goes on. */
    assert_int_equal(send_text(d.b.hot, (uint32_t)gateway[BINANCE].orders[0], "{}", 2), 0);
    const uint8_t *frame = (const uint8_t *)venue_reads(&d.session[0], d.venue[0]);
    assert_int_equal(frame[0], 0x81);
    end(&d);
}

static void deliver(struct desk *d, int index) {
    static uint8_t bytes[16384];
    struct session *s = &d->session[index];
    for (int size; (size = BIO_read(s->from_server, bytes, sizeof bytes)) > 0;)
        assert_int_equal(send(d->venue[index], bytes, (size_t)size, MSG_NOSIGNAL), size);
    struct uring_event event;
    assert_int_equal(uring_poll(d->b.hot->ring, 5 * SECOND, &event, 1), 1);
    assert_int_equal(event.kind, URING_RECEIVED);
    gateway_receive(d->b.hot, event.connection, event.recv_ns);
}

static void check_lost(struct desk *d) {
    assert_int_equal(d->b.hot->gateway[BINANCE].orders[0], -1);
    assert_true(booted_told_lost(&d->b, BINANCE, ENGINE_ORDERS));
    struct tls *dead = wire_take_dead(d->b.hot->wires);
    assert_non_null(dead);
    tls_destroy(dead);
}

static void test_the_venues_orderly_end_is_a_lost_connection(void **state) {
    (void)state;
    struct desk d;
    start(&d);
    SSL_shutdown(d.session[0].server);
    deliver(&d, 0);
    check_lost(&d);
    end(&d);
}

static void test_a_message_before_a_wrong_record_is_taken_and_then_the_connection_is_lost(void **state) {
    (void)state;
    struct desk d;
    start(&d);
    uint64_t before = d.b.hot->gateway[BINANCE].view.messages;
    static const char message[] = "\x81\x02{}";
    session_venue_sends(&d.session[0], message, sizeof message - 1);
    assert_int_equal(
        BIO_write(d.session[0].from_server, "\x17\x03\x03\x00\x20 thirty-two bytes that are no record", 37), 37);
    deliver(&d, 0);
    assert_int_equal(d.b.hot->gateway[BINANCE].view.messages, before + 1);
    check_lost(&d);
    end(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_legs_leave_encrypted_and_the_venues_read_them),
        cmocka_unit_test(test_a_leg_is_not_sealed_when_the_other_cannot_leave),
        cmocka_unit_test(test_the_venues_orderly_end_is_a_lost_connection),
        cmocka_unit_test(test_a_message_before_a_wrong_record_is_taken_and_then_the_connection_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
