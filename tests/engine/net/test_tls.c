/* Protects TLS itself, without sockets: every byte arrives once and in order however it was cut, what cannot be
 * believed is refused with a reason, what was changed on its way ends the connection, and nothing follows an end. */
#include "tls_fixture.h"

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static unsigned seed = 20261122;

static uint32_t chance(uint32_t below) {
    return (uint32_t)rand_r(&seed) % below;
}

static void fill(uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)chance(256);
}

static void test_bytes_travel_both_ways_in_both_versions(void **state) {
    (void)state;
    for (size_t v = 0; v < 2; v++) {
        struct session s;
        static uint8_t sent[TLS_PLAIN_SIZE_MAX], read[TLS_PLAIN_SIZE_MAX];
        session_start(&s, versions[v]);
        static const size_t sizes[] = {1, 2, 150, 1399, 4096, TLS_PLAIN_SIZE_MAX};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            fill(sent, sizes[i]);
            assert_int_equal(session_we_send(&s, sent, sizes[i], read, sizeof read), sizes[i]);
            assert_memory_equal(read, sent, sizes[i]);
            session_venue_sends(&s, sent, sizes[i]);
            s.size = s.plain_size = 0;
            while (session_arrive(&s, SESSION_DATA_SIZE) > 0)
                continue;
            assert_int_equal(session_open(&s), 0);
            assert_int_equal(s.plain_size, sizes[i]);
            assert_int_equal(s.size, sizes[i]);
            assert_memory_equal(s.data, sent, sizes[i]);
        }
        char words[80];
        tls_describe(s.tls, words, sizeof words);
        assert_non_null(strstr(words, v == 0 ? "TLSv1.2 ECDHE-ECDSA-AES" : "TLSv1.3 TLS_AES_"));
        session_free(&s);
    }
}

static void test_a_handshake_in_pieces_of_one_byte_is_a_handshake(void **state) {
    (void)state;
    for (size_t v = 0; v < 2; v++) {
        struct session s;
        session_new(&s, versions[v]);
        assert_int_equal(session_shake(&s, 1), 0);
        uint8_t read[8];
        assert_int_equal(session_we_send(&s, "hello", 5, read, sizeof read), 5);
        session_free(&s);
    }
}

/* Records of random sizes (many of one byte), arriving in random pieces, consumed now and then: against the stream. */
static void check_random_stream(int version) {
    struct session s;
    static uint8_t stream[200000];
    session_start(&s, version);
    if (version == TLS1_3_VERSION)
        SSL_set_block_padding(s.server, 1 + chance(700)); /* records longer than they say */
    fill(stream, sizeof stream);
    size_t sent = 0, consumed = 0;
    while (consumed < sizeof stream) {
        if (sent < sizeof stream && chance(2) == 0) {
            size_t size = 1 + (chance(3) == 0 ? 0 : chance(3000));
            if (size > sizeof stream - sent) size = sizeof stream - sent;
            session_venue_sends(&s, stream + sent, size);
            sent += size;
        }
        session_arrive(&s, 1 + chance(chance(2) == 0 ? 8 : 9000));
        assert_int_equal(session_open(&s), 0);
        assert_true(s.plain_size <= s.size);
        assert_memory_equal(s.data, stream + consumed, s.plain_size);
        size_t used = chance(2) == 0 ? s.plain_size : chance((uint32_t)s.plain_size + 1);
        memmove(s.data, s.data + used, s.size - used);
        s.size -= used;
        s.plain_size -= used;
        consumed += used;
    }
    assert_int_equal(s.size, 0);
    session_free(&s);
}

static void test_records_of_any_size_in_pieces_of_any_size_are_the_stream_that_was_sent(void **state) {
    (void)state;
    print_message("seed %u\n", seed);
    for (int i = 0; i < 6; i++)
        check_random_stream(versions[i % 2]);
}

static void test_no_byte_is_opened_before_its_record_is_whole(void **state) {
    (void)state;
    struct session s;
    session_start(&s, TLS1_3_VERSION);
    while (session_arrive(&s, SESSION_DATA_SIZE) > 0) /* tickets */
        assert_int_equal(session_open(&s), 0);
    session_venue_sends(&s, "quote", 5);
    for (size_t left = (size_t)BIO_pending(s.from_server); left > 0; left--) {
        assert_int_equal(s.plain_size, 0);
        assert_int_equal(session_arrive(&s, 1), 1);
        assert_int_equal(session_open(&s), 0);
    }
    assert_int_equal(s.plain_size, 5);
    assert_int_equal(s.size, 5);
    session_free(&s);
}

static void test_a_record_changed_on_its_way_ends_the_connection_and_not_what_came_before_it(void **state) {
    (void)state;
    for (size_t v = 0; v < 2; v++) {
        struct session s;
        uint8_t out[64 + TLS_SEAL_EXTRA];
        session_start(&s, versions[v]);
        session_venue_sends(&s, "first", 5);
        session_venue_sends(&s, "second", 6);
        while (session_arrive(&s, SESSION_DATA_SIZE) > 0)
            continue;
        s.data[s.size - 9] ^= 1;
        assert_int_equal(session_open(&s), ERROR_BAD);
        if (strstr(tls_why(s.tls), "bad MAC") == NULL) fail_msg("%s", tls_why(s.tls));
        assert_int_equal(s.plain_size, 5);
        assert_memory_equal(s.data, "first", 5);
        assert_int_equal(tls_seal(s.tls, (const uint8_t *)"order", 5, out, sizeof out), ERROR_CLOSED);
        assert_true(session_reply(&s) > 0); /* the venue is told why ... */
        uint8_t read[8];
        assert_true(SSL_read(s.server, read, sizeof read) <= 0);
        assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
        ERR_clear_error();
        assert_int_equal(session_open(&s), ERROR_CLOSED); /* ... and it stays the end */
        session_free(&s);
    }
}

static void test_a_record_twice_or_left_out_ends_the_connection(void **state) {
    (void)state;
    for (int twice = 0; twice < 2; twice++) {
        struct session s;
        session_start(&s, TLS1_3_VERSION);
        while (session_arrive(&s, SESSION_DATA_SIZE) > 0)
            assert_int_equal(session_open(&s), 0);
        session_venue_sends(&s, "first", 5);
        size_t size = session_arrive(&s, SESSION_DATA_SIZE);
        if (twice == 1) {
            memcpy(s.data + size, s.data, size);
            s.size = 2 * size;
        } else {
            s.size = 0;
            session_venue_sends(&s, "second", 6);
            session_arrive(&s, SESSION_DATA_SIZE);
        }
        assert_int_equal(session_open(&s), ERROR_BAD);
        assert_int_equal(s.plain_size, twice == 1 ? 5 : 0);
        session_free(&s);
    }
}

static void test_the_orderly_end_is_told_apart_and_comes_after_the_last_bytes(void **state) {
    (void)state;
    for (size_t v = 0; v < 2; v++) {
        struct session s;
        session_start(&s, versions[v]);
        session_venue_sends(&s, "last", 4);
        SSL_shutdown(s.server);
        while (session_arrive(&s, SESSION_DATA_SIZE) > 0)
            continue;
        assert_int_equal(session_open(&s), ERROR_CLOSED);
        assert_int_equal(s.plain_size, 4);
        assert_memory_equal(s.data, "last", 4);
        assert_string_equal(tls_why(s.tls), "closed by the venue");
        session_free(&s);
    }
}

static void test_our_end_is_told_to_the_venue_and_nothing_is_sealed_behind_it(void **state) {
    (void)state;
    struct session s;
    uint8_t out[64 + TLS_SEAL_EXTRA], read[8];
    session_start(&s, TLS1_3_VERSION);
    tls_close(s.tls);
    assert_true(session_reply(&s) > 0);
    int result = SSL_read(s.server, read, sizeof read);
    assert_int_equal(SSL_get_error(s.server, result), SSL_ERROR_ZERO_RETURN);
    assert_int_equal(tls_seal(s.tls, (const uint8_t *)"order", 5, out, sizeof out), ERROR_CLOSED);
    tls_close(s.tls);
    assert_int_equal(session_reply(&s), 0);
    session_free(&s);
}

static void test_without_room_nothing_is_sealed(void **state) {
    (void)state;
    struct session s;
    uint8_t out[64 + TLS_SEAL_EXTRA], read[8];
    session_start(&s, TLS1_3_VERSION);
    assert_int_equal(tls_seal(s.tls, (const uint8_t *)"order", 5, out, 5 + TLS_SEAL_EXTRA - 1), ERROR_FULL);
    assert_int_equal(session_we_send(&s, "again", 5, read, sizeof read), 5); /* the count of records still agrees */
    assert_memory_equal(read, "again", 5);
    session_free(&s);
}

static void test_renegotiation_is_refused(void **state) {
    (void)state;
    struct session s;
    session_start(&s, TLS1_2_VERSION);
    assert_int_equal(SSL_renegotiate(s.server), 1);
    assert_int_equal(SSL_do_handshake(s.server), 1); /* the request is on its way */
    while (session_arrive(&s, SESSION_DATA_SIZE) > 0)
        continue;
    assert_int_equal(session_open(&s), 0);
    assert_true(session_reply(&s) > 0);
    uint8_t read[8];
    assert_true(SSL_read(s.server, read, sizeof read) <= 0);
    assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_NO_RENEGOTIATION);
    ERR_clear_error();
    session_free(&s);
}

static void test_new_keys_in_the_middle_lose_nothing(void **state) {
    (void)state;
    for (int asked = 0; asked < 2; asked++) { /* and ours have to change too */
        struct session s;
        uint8_t read[16];
        session_start(&s, TLS1_3_VERSION);
        for (int i = 0; i < 5; i++) {
            session_venue_sends(&s, "before", 6);
            assert_int_equal(
                SSL_key_update(s.server, asked == 1 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED), 1);
            session_venue_sends(&s, "after", 5);
            s.size = s.plain_size = 0;
            while (session_arrive(&s, SESSION_DATA_SIZE) > 0)
                continue;
            assert_int_equal(session_open(&s), 0);
            assert_int_equal(s.plain_size, 11);
            assert_memory_equal(s.data, "beforeafter", 11);
            session_reply(&s);
            assert_int_equal(session_we_send(&s, "order", 5, read, sizeof read), 5);
        }
        session_free(&s);
    }
}

static void test_bytes_that_are_no_records_end_the_connection_cleanly(void **state) {
    (void)state;
    struct session s;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 300; round++) {
        session_start(&s, versions[round % 2]);
        while (session_arrive(&s, SESSION_DATA_SIZE) > 0)
            assert_int_equal(session_open(&s), 0);
        session_venue_sends(&s, "before", 6);
        session_arrive(&s, SESSION_DATA_SIZE);
        size_t junk = 64 + chance(2000);
        fill(s.data + s.size, junk);
        if (round % 3 != 0) { /* as near to a record as can be */
            static const uint8_t type[] = {20, 21, 22, 23};
            uint8_t *header = s.data + s.size;
            header[0] = type[chance(4)];
            header[1] = header[2] = 3;
            header[3] = 0;
            header[4] = (uint8_t)chance(60);
        }
        s.size += junk;
        int code = 0;
        for (int turns = 0; code == 0 && turns < 100; turns++) {
            code = session_open(&s);
            assert_true(s.plain_size >= 6);
            assert_memory_equal(s.data, "before", 6);
            if (code == 0) { /* junk that says it is long: it waits for the rest, which comes */
                fill(s.data + s.size, 1000);
                s.size += 1000;
            }
        }
        assert_true(code == ERROR_BAD || code == ERROR_CLOSED);
        assert_true(strlen(tls_why(s.tls)) > 0);
        assert_int_equal(s.plain_size, 6);
        session_reply(&s);
        session_free(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_travel_both_ways_in_both_versions),
        cmocka_unit_test(test_a_handshake_in_pieces_of_one_byte_is_a_handshake),
        cmocka_unit_test(test_records_of_any_size_in_pieces_of_any_size_are_the_stream_that_was_sent),
        cmocka_unit_test(test_no_byte_is_opened_before_its_record_is_whole),
        cmocka_unit_test(test_a_record_changed_on_its_way_ends_the_connection_and_not_what_came_before_it),
        cmocka_unit_test(test_a_record_twice_or_left_out_ends_the_connection),
        cmocka_unit_test(test_the_orderly_end_is_told_apart_and_comes_after_the_last_bytes),
        cmocka_unit_test(test_our_end_is_told_to_the_venue_and_nothing_is_sealed_behind_it),
        cmocka_unit_test(test_without_room_nothing_is_sealed),
        cmocka_unit_test(test_renegotiation_is_refused),
        cmocka_unit_test(test_new_keys_in_the_middle_lose_nothing),
        cmocka_unit_test(test_bytes_that_are_no_records_end_the_connection_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
