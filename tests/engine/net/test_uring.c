/* Protects the hot thread's sockets: every byte arrives once and in order, a closed or flooded
 * connection is told once, numbers are used again only when nothing old can reach them, and nothing is allocated. */
#include "uring_fixture.h"

/* Counts allocations of the whole process; sanitizers bring their own allocator. */
static _Atomic long allocation_count;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
void *malloc(size_t size) {
    allocation_count++;
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    allocation_count++;
    return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
    allocation_count++;
    return __libc_realloc(old, size);
}
#endif

static void test_a_host_without_io_uring_is_told_why(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog filter = {.len = sizeof code / sizeof *code, .filter = code};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(77);
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) _exit(77);
        struct error_trail trail = {0};
        struct uring *ring = uring_create(8, RECEIVE_SIZE, &trail);
        _exit(ring == NULL && strstr(trail.text, "denied on this host") != NULL ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) skip(); /* no seccomp here */
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_a_full_table_takes_nothing(void **state) {
    (void)state;
    struct uring *ring = ring_new(64);
    int fds[9][2];
    uint8_t rest[65] = {0};
    for (int i = 0; i < 9; i++)
        unix_pair(fds[i]);
    assert_int_equal(uring_add(ring, fds[0][0], rest, sizeof rest), ERROR_FULL);
    for (int i = 0; i < 8; i++)
        assert_int_equal(uring_add(ring, fds[i][0], NULL, 0), i);
    assert_int_equal(uring_add(ring, fds[8][0], NULL, 0), ERROR_FULL);
    assert_int_equal(fcntl(fds[8][0], F_GETFD), FD_CLOEXEC); /* still ours */
    close(fds[8][0]);
    uring_destroy(ring);
    for (int i = 0; i < 9; i++)
        close(fds[i][1]);
}

static void test_bytes_read_before_are_delivered_first(void **state) {
    (void)state;
    struct uring *ring = ring_new(RECEIVE_SIZE);
    int fds[2];
    unix_pair(fds);
    write_all(fds[1], "cd", 2);
    int connection = uring_add(ring, fds[0], (const uint8_t *)"ab", 2);
    expect_event(ring, URING_RECEIVED, connection, 0);
    expect_bytes(ring, connection, "abcd", 4);
    expect_nothing(ring);
    uring_destroy(ring);
    close(fds[1]);
}

static void test_what_came_before_the_end_is_readable_then_the_end_is_told_once(void **state) {
    (void)state;
    struct uring *ring = ring_new(RECEIVE_SIZE);
    int fds[2];
    tcp_pair(fds);
    int connection = uring_add(ring, fds[0], NULL, 0);
    write_all(fds[1], "last words", 10);
    close(fds[1]);
    expect_event(ring, URING_RECEIVED, connection, 0);
    expect_event(ring, URING_CLOSED, connection, 0);
    expect_bytes(ring, connection, "last words", 10);
    assert_int_equal(uring_send(ring, (uint32_t)connection, (const uint8_t *)"x", 1, NULL), ERROR_CLOSED);
    expect_nothing(ring);
    assert_int_equal(fcntl(fds[0], F_GETFD), -1);
    uring_remove(ring, (uint32_t)connection);
    uring_destroy(ring);
}

static void test_a_reset_is_told_as_such(void **state) {
    (void)state;
    struct uring *ring = ring_new(RECEIVE_SIZE);
    int fds[2];
    tcp_pair(fds);
    int connection = uring_add(ring, fds[0], NULL, 0);
    expect_nothing(ring);
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fds[1]);
    expect_event(ring, URING_CLOSED, connection, -ECONNRESET);
    expect_nothing(ring);
    uring_destroy(ring);
}

static void *echo(void *argument) {
    int fd = *(int *)argument;
    uint8_t buffer[1000];
    ssize_t size;
    while ((size = read(fd, buffer, sizeof buffer)) > 0)
        write_all(fd, buffer, (size_t)size);
    close(fd);
    return NULL;
}

static void test_ten_thousand_messages_come_back_in_order_without_an_allocation(void **state) {
    (void)state;
    struct uring *ring = ring_new(RECEIVE_SIZE);
    int fds[2];
    pthread_t thread;
    tcp_pair(fds);
    assert_int_equal(pthread_create(&thread, NULL, echo, &fds[1]), 0);
    long allocations_before = allocation_count;
#ifndef HAS_SANITIZER
    assert_true(allocations_before > 0); /* the counter counts: uring_create allocates */
#endif
    uint32_t connection = (uint32_t)uring_add(ring, fds[0], NULL, 0);
    uint64_t sent = 0;
    uint64_t seen = 0;
    while (seen < 10000) {
        while (sent < 10000 && sent - seen < 50) { /* a window, so that neither side blocks */
            uint64_t message[16];
            for (int i = 0; i < 16; i++)
                message[i] = sent * 16 + (uint64_t)i;
            if (uring_send(ring, connection, (const uint8_t *)message, sizeof message, NULL) != 0) break;
            sent++;
        }
        struct uring_event event;
        int count = uring_poll(ring, 5 * SECOND, &event, 1);
        if (count != 1 || event.kind != URING_RECEIVED) break;
        size_t size;
        uint8_t *data = uring_data(ring, connection, &size);
        size_t at = 0;
        for (; size - at >= 128; at += 128, seen++) {
            uint64_t message[16];
            memcpy(message, data + at, sizeof message);
            if (message[0] != seen * 16 || message[15] != seen * 16 + 15) fail_msg("message %lu is wrong", seen);
        }
        uring_consume(ring, connection, at);
    }
    long allocations = allocation_count - allocations_before;
    assert_int_equal(seen, 10000);
    assert_int_equal(allocations, 0);
    uring_destroy(ring);
    pthread_join(thread, NULL);
}

static void test_a_caller_that_does_not_consume_loses_the_connection(void **state) {
    (void)state;
    struct uring *ring = ring_new(1024);
    int fds[2];
    unix_pair(fds);
    int connection = uring_add(ring, fds[0], NULL, 0);
    uint8_t block[3000] = {7};
    write_all(fds[1], block, sizeof block);
    expect_event(ring, URING_RECEIVED, connection, 0);
    size_t size = 0;
    uring_data(ring, (uint32_t)connection, &size);
    assert_int_equal(size, 1024);
    expect_event(ring, URING_CLOSED, connection, -EMSGSIZE);
    expect_nothing(ring);
    uring_remove(ring, (uint32_t)connection);
    uring_destroy(ring);
    close(fds[1]);
}

static void test_bursts_larger_than_the_receive_buffer_pass_when_consumed(void **state) {
    (void)state;
    struct uring *ring = ring_new(1000);
    int fds[2][2];
    uint32_t connection[2];
    size_t seen[2] = {0, 0};
    size_t left[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        unix_pair(fds[i]);
        connection[i] = (uint32_t)uring_add(ring, fds[i][0], NULL, 0);
        uint8_t block[40000];
        for (size_t at = 0; at < sizeof block; at++)
            block[at] = pattern(at + (size_t)i);
        write_all(fds[i][1], block, sizeof block);
    }
    while (seen[0] + left[0] < 40000 || seen[1] + left[1] < 40000) {
        struct uring_event event = next_event(ring);
        assert_int_equal(event.kind, URING_RECEIVED);
        size_t i = event.connection == connection[0] ? 0 : 1;
        size_t size;
        uint8_t *data = uring_data(ring, event.connection, &size);
        size_t used = size - size % 7; /* as with messages: a rest stays in front */
        for (size_t at = 0; at < size; at++)
            if (data[at] != pattern(seen[i] + at + i)) fail_msg("byte %zu of %zu is wrong", seen[i] + at, i);
        uring_consume(ring, event.connection, used);
        seen[i] += used;
        left[i] = size - used;
    }
    uring_destroy(ring);
    for (int i = 0; i < 2; i++)
        close(fds[i][1]);
}

static void test_more_bytes_than_all_provided_buffers_arrive_whole(void **state) {
    (void)state;
    /* Enough connections that the kernel runs out of its 256 buffers in the middle of them. */
    enum { COUNT = 24 };
    struct uring *ring = ring_new_with(COUNT, RECEIVE_SIZE);
    int fds[COUNT][2];
    size_t written[COUNT] = {0};
    size_t seen[COUNT] = {0};
    size_t total = 0;
    size_t total_seen = 0;
    for (int i = 0; i < COUNT; i++) {
        unix_pair(fds[i]);
        int big = 1 << 20;
        setsockopt(fds[i][1], SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
        uint8_t block[4000];
        ssize_t size = sizeof block;
        while (size > 0) {
            for (size_t at = 0; at < sizeof block; at++)
                block[at] = pattern(written[i] + at);
            size = send(fds[i][1], block, sizeof block, MSG_DONTWAIT);
            if (size > 0) written[i] += (size_t)size;
        }
        total += written[i];
        assert_int_equal(uring_add(ring, fds[i][0], NULL, 0), i);
    }
    while (total_seen < total) {
        struct uring_event events[4];
        int count = uring_poll(ring, 5 * SECOND, events, 4);
        assert_true(count > 0);
        for (int e = 0; e < count; e++) {
            assert_int_equal(events[e].kind, URING_RECEIVED);
            uint32_t i = events[e].connection;
            size_t size;
            uint8_t *data = uring_data(ring, i, &size);
            for (size_t at = 0; at < size; at++)
                if (data[at] != pattern(seen[i] + at)) fail_msg("byte %zu of %u is wrong", seen[i] + at, i);
            uring_consume(ring, i, size);
            seen[i] += size;
            total_seen += size;
        }
    }
    assert_true(total > 1 << 20);
    assert_int_equal(total_seen, total);
    uring_destroy(ring);
    for (int i = 0; i < COUNT; i++)
        close(fds[i][1]);
}

static void test_a_short_event_list_loses_nothing(void **state) {
    (void)state;
    struct uring *ring = ring_new(RECEIVE_SIZE);
    int fds[8][2];
    for (int i = 0; i < 8; i++) {
        unix_pair(fds[i]);
        assert_int_equal(uring_add(ring, fds[i][0], NULL, 0), i);
        write_all(fds[i][1], "m", 1);
        close(fds[i][1]);
    }
    int received = 0;
    int closed = 0;
    for (int i = 0; i < 16; i++) {
        struct uring_event event = next_event(ring);
        received += event.kind == URING_RECEIVED;
        closed += event.kind == URING_CLOSED;
    }
    assert_int_equal(received, 8);
    assert_int_equal(closed, 8);
    expect_nothing(ring);
    uring_destroy(ring);
}

static void *wake_later(void *argument) {
    uring_wake(argument);
    return NULL;
}

static void test_another_thread_wakes_a_waiting_poll(void **state) {
    (void)state;
    struct uring *ring = ring_new(RECEIVE_SIZE);
    for (int round = 0; round < 200; round++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, wake_later, ring), 0);
        expect_event(ring, URING_WOKEN, -1, 0);
        pthread_join(thread, NULL);
    }
    expect_nothing(ring);
    uring_wake(ring);
    uring_wake(ring);
    expect_event(ring, URING_WOKEN, -1, 0);
    expect_nothing(ring);
    uring_destroy(ring);
}

static void test_waiting_ends_at_its_time(void **state) {
    (void)state;
    struct uring *ring = ring_new(RECEIVE_SIZE);
    struct uring_event event;
    int64_t start_ns = clock_mono_ns();
    assert_int_equal(uring_poll(ring, 0, &event, 1), 0);
    assert_int_equal(uring_poll(ring, SECOND / 20, &event, 1), 0);
    assert_in_range(clock_mono_ns() - start_ns, SECOND / 20, 4 * SECOND);
    uring_destroy(ring);
}

static void test_peeking_alone_receives(void **state) {
    (void)state;
    struct uring *ring = ring_new(RECEIVE_SIZE);
    int fds[2];
    unix_pair(fds);
    int connection = uring_add(ring, fds[0], NULL, 0);
    for (int round = 0; round < 100; round++) {
        write_all(fds[1], "tick", 4);
        struct uring_event event;
        int64_t deadline_ns = clock_mono_ns() + 5 * SECOND;
        while (uring_poll(ring, 0, &event, 1) == 0)
            assert_true(clock_mono_ns() < deadline_ns);
        expect_bytes(ring, connection, "tick", 4);
    }
    uring_destroy(ring);
    close(fds[1]);
}

/* Random traffic, removals and additions; every connection's bytes carry its own stamp. */
static void test_numbers_used_again_never_see_old_bytes(void **state) {
    (void)state;
    struct uring *ring = ring_new(RECEIVE_SIZE);
    unsigned seed = 20260103;
    print_message("seed %u\n", seed);
    srand(seed);
    int peers[8];
    uint8_t stamps[8] = {0};
    bool alive[8] = {false};
    int uses = 0;
    for (int step = 0; step < 20000; step++) {
        uint32_t i = (uint32_t)rand() % 8;
        int action = rand() % 8;
        if (alive[i] && action < 4) {
            uint8_t block[64];
            memset(block, stamps[i], sizeof block);
            (void)!send(peers[i], block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
        } else if (alive[i] && action == 4) {
            close(peers[i]);
            uring_remove(ring, i);
            alive[i] = false;
        } else if (action == 5) {
            int fds[2];
            unix_pair(fds);
            int added = uring_add(ring, fds[0], NULL, 0);
            if (added < 0) {
                assert_int_equal(added, ERROR_FULL);
                close(fds[0]);
                close(fds[1]);
            } else {
                assert_false(alive[added]);
                alive[added] = true;
                peers[added] = fds[1];
                stamps[added] = (uint8_t)++uses;
            }
        } else if (action > 5) {
            struct uring_event events[3];
            int count = uring_poll(ring, 0, events, 3);
            for (int e = 0; e < count; e++) {
                assert_int_equal(events[e].kind, URING_RECEIVED);
                assert_true(alive[events[e].connection]);
                size_t size;
                uint8_t *data = uring_data(ring, events[e].connection, &size);
                for (size_t at = 0; at < size; at++)
                    if (data[at] != stamps[events[e].connection]) fail_msg("old bytes at step %d", step);
                uring_consume(ring, events[e].connection, size);
            }
        }
    }
    print_message("%d connections\n", uses);
    assert_true(uses > 500);
    uring_destroy(ring);
    for (int i = 0; i < 8; i++)
        if (alive[i]) close(peers[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_host_without_io_uring_is_told_why),
        cmocka_unit_test(test_a_full_table_takes_nothing),
        cmocka_unit_test(test_bytes_read_before_are_delivered_first),
        cmocka_unit_test(test_what_came_before_the_end_is_readable_then_the_end_is_told_once),
        cmocka_unit_test(test_a_reset_is_told_as_such),
        cmocka_unit_test(test_ten_thousand_messages_come_back_in_order_without_an_allocation),
        cmocka_unit_test(test_a_caller_that_does_not_consume_loses_the_connection),
        cmocka_unit_test(test_bursts_larger_than_the_receive_buffer_pass_when_consumed),
        cmocka_unit_test(test_more_bytes_than_all_provided_buffers_arrive_whole),
        cmocka_unit_test(test_a_short_event_list_loses_nothing),
        cmocka_unit_test(test_another_thread_wakes_a_waiting_poll),
        cmocka_unit_test(test_waiting_ends_at_its_time),
        cmocka_unit_test(test_peeking_alone_receives),
        cmocka_unit_test(test_numbers_used_again_never_see_old_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
