/* Protects what we send on the hot thread's sockets: no byte twice, none lost, in order, however slowly the peer reads;
 * a failed send hides nothing that was received; of a pair both legs leave or none. */
#include "uring_fixture.h"

static void test_a_failed_send_keeps_what_was_received_and_tells_its_cause(void **state) {
    (void)state;
    struct uring *ring = ring_new(RECEIVE_SIZE);
    int fds[2];
    unix_pair(fds);
    int connection = uring_add(ring, fds[0], NULL, 0);
    write_all(fds[1], "ack", 3);
    close(fds[1]);
    bool on_wire = true;
    assert_int_equal(uring_send(ring, (uint32_t)connection, (const uint8_t *)"x", 1, &on_wire), ERROR_CLOSED);
    assert_false(on_wire);
    assert_int_equal(uring_send(ring, (uint32_t)connection, (const uint8_t *)"y", 1, NULL), ERROR_CLOSED);
    expect_bytes(ring, connection, "ack", 3);
    expect_event(ring, URING_CLOSED, connection, -EPIPE);
    expect_nothing(ring);
    uring_destroy(ring);
}

static void fill_and_drain(int fds[2]) {
    struct uring *ring = ring_new(RECEIVE_SIZE);
    int small = 4096; /* the receiver's stays as it is: TCP opens a tiny window only by its timers */
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    uint32_t connection = (uint32_t)uring_add(ring, fds[0], NULL, 0);
    size_t sent = 0;
    size_t read_size = 0;
    bool was_partial = false;
    for (int round = 0; round < 40; round++) {
        uint8_t message[777];
        int code = 0;
        while (code == 0) { /* until the hold-back buffer is full; its end wraps differently each round */
            bool on_wire = false;
            for (size_t i = 0; i < sizeof message; i++)
                message[i] = pattern(sent + i);
            code = uring_send(ring, connection, message, sizeof message, &on_wire);
            if (code == 0) sent += sizeof message;
            if (code == 0 && !on_wire) was_partial = true;
            assert_int_equal(on_wire, code == 0 && !uring_has_unsent(ring, connection));
        }
        assert_int_equal(code, ERROR_FULL);
        assert_true(uring_has_unsent(ring, connection));
        size_t target = round == 39 ? sent : read_size + 5000 + (size_t)round * 1000;
        while (read_size < target) {
            struct uring_event event;
            assert_int_equal(uring_poll(ring, 0, &event, 1), 0);
            uint8_t buffer[3000];
            ssize_t size = recv(fds[1], buffer, sizeof buffer, MSG_DONTWAIT);
            if (size < 0) assert_int_equal(errno, EAGAIN);
            for (ssize_t i = 0; i < size; i++)
                if (buffer[i] != pattern(read_size + (size_t)i))
                    fail_msg("byte %zu is wrong", read_size + (size_t)i);
            if (size > 0) read_size += (size_t)size;
        }
    }
    assert_int_equal(read_size, sent);
    assert_true(was_partial);
    expect_nothing(ring);
    assert_false(uring_has_unsent(ring, connection));
    uint8_t byte;
    assert_int_equal(recv(fds[1], &byte, 1, MSG_DONTWAIT), -1);
    uring_destroy(ring);
    close(fds[1]);
}

static void test_a_peer_that_does_not_read_gets_every_byte_once_later(void **state) {
    (void)state;
    int fds[2];
    unix_pair(fds);
    fill_and_drain(fds);
    tcp_pair(fds);
    fill_and_drain(fds);
}

static void test_removing_with_unsent_bytes_frees_the_number(void **state) {
    (void)state;
    struct uring *ring = ring_new(RECEIVE_SIZE);
    int fds[2];
    unix_pair(fds);
    int connection = uring_add(ring, fds[0], NULL, 0);
    uint8_t block[1024] = {0};
    while (uring_send(ring, (uint32_t)connection, block, sizeof block, NULL) == 0) {
    }
    expect_nothing(ring); /* the send request waits in the kernel */
    uring_remove(ring, (uint32_t)connection);
    expect_nothing(ring);
    assert_int_equal(fcntl(fds[0], F_GETFD), -1);
    close(fds[1]);
    unix_pair(fds);
    assert_int_equal(uring_add(ring, fds[0], NULL, 0), connection);
    write_all(fds[1], "new", 3);
    expect_bytes(ring, connection, "new", 3);
    uring_destroy(ring);
    close(fds[1]);
}

static void test_both_legs_of_a_pair_leave_or_none(void **state) {
    (void)state;
    struct uring *ring = ring_new(RECEIVE_SIZE);
    int a[2];
    int b[2];
    int result[2];
    uint8_t buffer[8];
    unix_pair(a);
    unix_pair(b);
    uint32_t number_a = (uint32_t)uring_add(ring, a[0], NULL, 0);
    uint32_t number_b = (uint32_t)uring_add(ring, b[0], NULL, 0);
    const uint8_t *buy = (const uint8_t *)"buy";
    const uint8_t *sell = (const uint8_t *)"sell";
    assert_int_equal(uring_send_pair(ring, number_a, buy, 3, number_b, sell, 4, result), 0);
    assert_int_equal(result[0], 0);
    assert_int_equal(result[1], 0);
    assert_int_equal(read(a[1], buffer, sizeof buffer), 3);
    assert_int_equal(read(b[1], buffer, sizeof buffer), 4);

    close(b[1]);
    expect_event(ring, URING_CLOSED, (int)number_b, 0);
    assert_int_equal(uring_send_pair(ring, number_a, buy, 3, number_b, sell, 4, result), ERROR_CLOSED);
    assert_int_equal(result[0], ERROR_REFUSED);
    assert_int_equal(result[1], ERROR_CLOSED);
    assert_int_equal(uring_send_pair(ring, number_b, sell, 4, number_a, buy, 3, result), ERROR_CLOSED);
    assert_int_equal(result[0], ERROR_CLOSED);
    assert_int_equal(result[1], ERROR_REFUSED);
    assert_int_equal(recv(a[1], buffer, sizeof buffer, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    uring_destroy(ring);
    close(a[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_failed_send_keeps_what_was_received_and_tells_its_cause),
        cmocka_unit_test(test_a_peer_that_does_not_read_gets_every_byte_once_later),
        cmocka_unit_test(test_removing_with_unsent_bytes_frees_the_number),
        cmocka_unit_test(test_both_legs_of_a_pair_leave_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
