/* Protects the hot thread's connections over TLS, through the ring and a real socket: the same bytes as without, opened
 * in place; an end of any kind ends the connection; what was sealed leaves in order and once, or the connection is
 * over. */
#include "uring_fixture.h"

#include "net/wire.h"
#include "tls_fixture.h"

/* Our end in the ring; the venue's end is the test. */
struct pair {
    struct session session;
    struct uring *ring;
    struct wires *wires;
    uint32_t number;
    int venue; /* its descriptor */
};

/* The session's end of the connection goes into a ring, with what has arrived in the session so far as its rest. */
static void pair_join(struct pair *p) {
    int fds[2];
    struct session *s = &p->session;
    p->ring = ring_new(RECEIVE_SIZE);
    p->wires = wires_create(p->ring, 8);
    assert_non_null(p->wires);
    tcp_pair(fds);
    p->venue = fds[1];
    assert_int_equal(session_open(s), 0);
    int number = wire_add(p->wires, fds[0], s->tls, s->data, s->size, s->plain_size);
    assert_true(number >= 0);
    p->number = (uint32_t)number;
    assert_true(wire_is_tls(p->wires, p->number));
    s->tls = NULL; /* the wires' now */
}

static void pair_start(struct pair *p, int version) {
    session_start(&p->session, version);
    session_arrive(&p->session, SESSION_DATA_SIZE);
    pair_join(p);
}

static void pair_end(struct pair *p) {
    wires_destroy(p->wires);
    uring_destroy(p->ring);
    close(p->venue);
    session_free(&p->session);
}

/* What the venue's TLS wants to send goes out. */
static void venue_flush(struct pair *p) {
    static uint8_t bytes[65536];
    for (int size; (size = BIO_read(p->session.from_server, bytes, sizeof bytes)) > 0;)
        for (int at = 0; at < size;) {
            ssize_t sent = send(p->venue, bytes + at, (size_t)(size - at), MSG_NOSIGNAL);
            assert_true(sent > 0);
            at += (int)sent;
        }
}

static void venue_sends(struct pair *p, const void *data, size_t size) {
    session_venue_sends(&p->session, data, size);
    venue_flush(p);
}

/* Reads what has come until `size` bytes of ours are there; fewer when there are none for a while. */
static size_t venue_reads(struct pair *p, uint8_t *data, size_t size) {
    static uint8_t bytes[65536];
    size_t have = 0;
    for (int64_t end_ns = clock_mono_ns() + 5 * SECOND; have < size && clock_mono_ns() < end_ns;) {
        int got = SSL_read(p->session.server, data + have, (int)(size - have));
        if (got > 0) {
            have += (size_t)got;
            continue;
        }
        if (SSL_get_error(p->session.server, got) != SSL_ERROR_WANT_READ) return have;
        struct uring_event event;
        (void)uring_poll(p->ring, SECOND / 1000, &event, 1); /* the ring sends what waited */
        ssize_t size_in = recv(p->venue, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size_in > 0) assert_int_equal(BIO_write(p->session.to_server, bytes, (int)size_in), size_in);
        if (size_in == 0) return have;
    }
    return have;
}

/* All that has come; the last code. */
static int open_all(struct pair *p) {
    int code;
    do
        code = wire_open(p->wires, p->number);
    while (code > 0);
    return code;
}

/* Opens what comes until `size` bytes are there; they are compared and consumed. */
static void expect_opened(struct pair *p, const void *expected, size_t size) {
    size_t have;
    uint8_t *data = wire_data(p->wires, p->number, &have);
    while (have < size) {
        struct uring_event event = next_event(p->ring);
        assert_int_equal(event.kind, URING_RECEIVED);
        assert_int_equal(open_all(p), 0);
        data = wire_data(p->wires, p->number, &have);
    }
    assert_int_equal(have, size);
    assert_memory_equal(data, expected, size);
    wire_consume(p->wires, p->number, size);
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void test_the_same_bytes_come_and_go_as_without_tls(void **state) {
    (void)state;
    static uint8_t bytes[40000], read[40000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = pattern(i);
    for (size_t v = 0; v < 2; v++) {
        struct pair p;
        pair_start(&p, versions[v]);
        static const size_t sizes[] = {1, 200, 16384, 16385, 40000};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            venue_sends(&p, bytes, sizes[i]);
            expect_opened(&p, bytes, sizes[i]);
            assert_int_equal(wire_send(p.wires, p.number, bytes, sizes[i]), 0);
            assert_int_equal(venue_reads(&p, read, sizes[i]), sizes[i]);
            assert_memory_equal(read, bytes, sizes[i]);
        }
        pair_end(&p);
    }
}

static void test_records_of_one_byte_are_the_message_they_make(void **state) {
    (void)state;
    struct pair p;
    static uint8_t message[RECEIVE_SIZE / 4]; /* as records six times the room that the ring has */
    pair_start(&p, TLS1_3_VERSION);
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = pattern(i);
    for (size_t at = 0; at < sizeof message; at += 256) {
        for (size_t i = 0; i < 256; i++)
            session_venue_sends(&p.session, message + at + i, 1);
        venue_flush(&p);
        size_t have;
        wire_data(p.wires, p.number, &have);
        while (have < at + 256) { /* nothing is consumed before the message is whole */
            assert_int_equal(next_event(p.ring).kind, URING_RECEIVED);
            assert_int_equal(open_all(&p), 0);
            wire_data(p.wires, p.number, &have);
        }
    }
    expect_opened(&p, message, sizeof message);
    pair_end(&p);
}

static void test_a_rest_that_ends_in_the_middle_of_a_record_is_continued(void **state) {
    (void)state;
    for (size_t rest_size = 0; rest_size < 70; rest_size++) {
        struct pair p;
        session_start(&p.session, TLS1_2_VERSION);
        session_venue_sends(&p.session, "first", 5);
        session_venue_sends(&p.session, "second", 6);
        session_arrive(&p.session, rest_size);
        pair_join(&p);
        venue_flush(&p);
        expect_opened(&p, "firstsecond", 11);
        pair_end(&p);
    }
}

static void test_a_wrong_record_ends_the_connection_after_what_came_before_it(void **state) {
    (void)state;
    struct pair p;
    uint8_t bytes[64];
    size_t have;
    pair_start(&p, TLS1_3_VERSION);
    session_venue_sends(&p.session, "good", 4);
    venue_flush(&p);
    session_venue_sends(&p.session, "bad", 3);
    int size = BIO_read(p.session.from_server, bytes, sizeof bytes);
    bytes[size - 1] ^= 0x80;
    write_all(p.venue, bytes, (size_t)size);
    int code = 0;
    for (int i = 0; i < 2 && code == 0; i++) {
        assert_int_equal(next_event(p.ring).kind, URING_RECEIVED);
        code = open_all(&p);
    }
    assert_int_equal(code, ERROR_BAD);
    assert_non_null(strstr(wire_why(p.wires, p.number), "bad MAC"));
    assert_memory_equal(wire_data(p.wires, p.number, &have), "good", 4);
    assert_int_equal(have, 4);
    assert_int_equal(wire_send(p.wires, p.number, (const uint8_t *)"order", 5), ERROR_CLOSED);
    uint8_t read[8];
    assert_int_equal(venue_reads(&p, read, 1), 0); /* an alert, no data */
    assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    ERR_clear_error();
    pair_end(&p);
}

static void test_an_end_is_an_end_with_and_without_tls_saying_so(void **state) {
    (void)state;
    for (int said = 0; said < 2; said++) {
        struct pair p;
        pair_start(&p, TLS1_3_VERSION);
        venue_sends(&p, "last", 4);
        if (said == 1) SSL_shutdown(p.session.server);
        venue_flush(&p);
        shutdown(p.venue, SHUT_WR);
        int code = 0, received = 0;
        struct uring_event event;
        do {
            event = next_event(p.ring);
            if (event.kind == URING_RECEIVED && code == 0) code = open_all(&p);
            received += event.kind == URING_RECEIVED;
        } while (event.kind != URING_CLOSED);
        assert_true(received > 0);
        assert_int_equal(code, said == 1 ? ERROR_CLOSED : 0);
        size_t have;
        assert_memory_equal(wire_data(p.wires, p.number, &have), "last", 4);
        assert_int_equal(have, 4);
        wire_remove(p.wires, p.number);
        struct tls *dead = wire_take_dead(p.wires);
        assert_non_null(dead);
        assert_null(wire_take_dead(p.wires));
        tls_destroy(dead);
        pair_end(&p);
    }
}

static void test_removing_tells_the_venue_the_end(void **state) {
    (void)state;
    struct pair p;
    uint8_t read[8];
    pair_start(&p, TLS1_3_VERSION);
    assert_int_equal(wire_send(p.wires, p.number, (const uint8_t *)"bye", 3), 0);
    wire_remove(p.wires, p.number);
    assert_int_equal(venue_reads(&p, read, sizeof read), 3);
    assert_int_equal(SSL_get_shutdown(p.session.server), SSL_RECEIVED_SHUTDOWN);
    tls_destroy(wire_take_dead(p.wires));
    pair_end(&p);
}

static void test_what_was_sealed_and_not_taken_ends_the_connection(void **state) {
    (void)state;
    struct pair p;
    uint8_t out[16 + TLS_SEAL_EXTRA], read[8];
    const uint8_t *sealed;
    pair_start(&p, TLS1_3_VERSION);
    assert_int_equal(wire_sendable(p.wires, p.number, 5), 0);
    assert_true(wire_seal(p.wires, p.number, (const uint8_t *)"order", 5, out, &sealed) > 5);
    assert_ptr_equal(sealed, out);
    wire_sent(p.wires, p.number, ERROR_REFUSED); /* the other leg failed */
    assert_int_equal(wire_sendable(p.wires, p.number, 5), ERROR_CLOSED);
    struct uring_event event;
    do
        event = next_event(p.ring);
    while (event.kind != URING_CLOSED);
    assert_int_equal(event.connection, p.number);
    assert_int_equal(venue_reads(&p, read, sizeof read), 0);
    pair_end(&p);
}

static void test_a_venue_that_does_not_read_is_full_before_anything_is_sealed(void **state) {
    (void)state;
    struct pair p;
    static uint8_t bytes[4096];
    static uint8_t read[1 << 24];
    size_t taken = 0;
    int code;
    pair_start(&p, TLS1_3_VERSION);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = pattern(i);
    while ((code = wire_send(p.wires, p.number, bytes, sizeof bytes)) == 0)
        taken += sizeof bytes;
    assert_int_equal(code, ERROR_FULL);
    assert_true(taken > URING_UNSENT_SIZE / 2);
    assert_true(taken < sizeof read);
    assert_int_equal(wire_sendable(p.wires, p.number, sizeof bytes), ERROR_FULL);
    assert_int_equal(venue_reads(&p, read, taken), taken); /* all of it, in order, once */
    for (size_t at = 0; at < taken; at += sizeof bytes)
        assert_memory_equal(read + at, bytes, sizeof bytes);
    assert_int_equal(wire_send(p.wires, p.number, bytes, 100), 0); /* and the count of records still agrees */
    assert_int_equal(venue_reads(&p, read, 100), 100);
    pair_end(&p);
}

static void test_plain_connections_are_left_as_they_are(void **state) {
    (void)state;
    int fds[2];
    struct uring *ring = ring_new(RECEIVE_SIZE);
    struct wires *wires = wires_create(ring, 8);
    tcp_pair(fds);
    int number = wire_add(wires, fds[0], NULL, (const uint8_t *)"rest", 4, 4);
    assert_true(number >= 0);
    uint32_t n = (uint32_t)number;
    assert_false(wire_is_tls(wires, n));
    expect_event(ring, URING_RECEIVED, number, 0);
    assert_int_equal(wire_open(wires, n), 0);
    size_t have;
    assert_memory_equal(wire_data(wires, n, &have), "rest", 4);
    assert_int_equal(have, 4);
    wire_consume(wires, n, 4);
    const uint8_t *sealed;
    const uint8_t order[] = "order";
    assert_int_equal(wire_seal(wires, n, order, 5, NULL, &sealed), 5);
    assert_ptr_equal(sealed, order);
    wire_sent(wires, n, ERROR_REFUSED); /* nothing was counted: nothing is lost */
    assert_int_equal(wire_sendable(wires, n, 5), 0);
    wire_remove(wires, n);
    assert_null(wire_take_dead(wires));
    wires_destroy(wires);
    uring_destroy(ring);
    close(fds[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_bytes_come_and_go_as_without_tls),
        cmocka_unit_test(test_records_of_one_byte_are_the_message_they_make),
        cmocka_unit_test(test_a_rest_that_ends_in_the_middle_of_a_record_is_continued),
        cmocka_unit_test(test_a_wrong_record_ends_the_connection_after_what_came_before_it),
        cmocka_unit_test(test_an_end_is_an_end_with_and_without_tls_saying_so),
        cmocka_unit_test(test_removing_tells_the_venue_the_end),
        cmocka_unit_test(test_what_was_sealed_and_not_taken_ends_the_connection),
        cmocka_unit_test(test_a_venue_that_does_not_read_is_full_before_anything_is_sealed),
        cmocka_unit_test(test_plain_connections_are_left_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
