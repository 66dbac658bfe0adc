/* Protects the hot thread from the allocator: what OpenSSL needs there comes from its pool and goes back to it,
 * whichever thread gives it back; records leave it as it was; an empty pool ends one connection and is counted. */
#include "tls_fixture.h"

#include <pthread.h>

#include "net/tls_memory.h"

#define ROUNDS 40

static bool pooled; /* tls_memory_init was in time */

/* The courier's half: the handshake, on a thread without a pool. */
static void *shake(void *argument) {
    session_start(argument, TLS1_3_VERSION);
    return NULL;
}

static void *bury(void *argument) {
    session_free(argument);
    return NULL;
}

static void elsewhere(void *(*work)(void *), struct session *s) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, work, s), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* All that has no place on the venue's side of this thread: sealing there would count as ours. */
static void *venue_sends(void *argument) {
    struct session *s = argument;
    session_venue_sends(s, "quote", 5);
    return NULL;
}

static void *venue_changes_keys(void *argument) {
    struct session *s = argument;
    assert_int_equal(SSL_key_update(s->server, SSL_KEY_UPDATE_REQUESTED), 1);
    session_venue_sends(s, "quote", 5);
    return NULL;
}

static void *venue_ends(void *argument) {
    struct session *s = argument;
    SSL_shutdown(s->server);
    return NULL;
}

static void arrive(struct session *s) {
    s->size = s->plain_size = 0;
    while (session_arrive(s, SESSION_DATA_SIZE) > 0)
        continue;
}

static void seal_order(struct session *s) {
    static uint8_t sealed[64 + TLS_SEAL_EXTRA];
    int64_t size = tls_seal(s->tls, (const uint8_t *)"order", 5, sealed, sizeof sealed);
    assert_true(size > 0);
    assert_int_equal(BIO_write(s->to_server, sealed, (int)size), size);
}

static void test_the_pool_is_in_force(void **state) {
    (void)state;
    struct error_trail trail = {0};
    assert_true(pooled);
    assert_int_equal(tls_memory_pool(&trail), 0);
    assert_int_equal(tls_memory_pool(&trail), 0); /* it has one */
    uint64_t before = tls_memory_counts().taken;
    void *block = OPENSSL_malloc(100);
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % 16, 0);
    assert_int_equal(tls_memory_counts().taken, before + 1);
    memset(block, 7, 100);
    block = OPENSSL_realloc(block, 5000);
    assert_int_equal(((uint8_t *)block)[99], 7);
    OPENSSL_free(block);
    struct tls_memory_counts counts = tls_memory_counts();
    assert_int_equal(counts.given, counts.taken);
    assert_int_equal(counts.missed, 0);
}

static void test_records_leave_the_pool_as_it_was(void **state) {
    (void)state;
    struct session s;
    elsewhere(shake, &s);
    arrive(&s); /* tickets */
    assert_int_equal(session_open(&s), 0);
    elsewhere(venue_sends, &s);
    arrive(&s);
    assert_int_equal(session_open(&s), 0);
    seal_order(&s);
    struct tls_memory_counts before = tls_memory_counts();
    for (int i = 0; i < 1000; i++) {
        elsewhere(venue_sends, &s);
        s.size = s.plain_size = 0;
        s.size = (size_t)BIO_read(s.from_server, s.data, 4096);
        assert_int_equal(session_open(&s), 0);
        assert_int_equal(s.plain_size, 5);
        static uint8_t sealed[64 + TLS_SEAL_EXTRA];
        assert_true(tls_seal(s.tls, (const uint8_t *)"order", 5, sealed, sizeof sealed) > 0);
    }
    struct tls_memory_counts after = tls_memory_counts();
    assert_int_equal(after.taken - after.given, before.taken - before.given);
    assert_int_equal(after.deferred, before.deferred);
    assert_int_equal(after.missed, 0);
    elsewhere(bury, &s);
}

static void test_what_a_connection_took_comes_back_however_it_ends(void **state) {
    (void)state;
    uint64_t in_use = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct session s;
        elsewhere(shake, &s);
        arrive(&s);
        assert_int_equal(session_open(&s), 0); /* tickets, from the pool */
        elsewhere(venue_changes_keys, &s);
        arrive(&s);
        assert_int_equal(session_open(&s), 0);
        seal_order(&s);
        if (i % 2 == 0) {
            elsewhere(venue_ends, &s);
            arrive(&s);
            assert_int_equal(session_open(&s), ERROR_CLOSED);
        } else {
            memset(s.data, 23, 64);
            s.data[1] = s.data[2] = 3;
            s.data[3] = 0;
            s.data[4] = 40;
            s.size = 64;
            assert_int_equal(session_open(&s), ERROR_BAD);
        }
        elsewhere(bury, &s);
        struct tls_memory_counts counts = tls_memory_counts();
        if (i == 3) in_use = counts.taken - counts.given;
        if (i > 3) assert_int_equal(counts.taken - counts.given, in_use);
        assert_int_equal(counts.missed, 0);
    }
    assert_true(tls_memory_counts().taken > ROUNDS);
    print_message("%llu blocks taken in %d connections, %llu still in use\n",
                  (unsigned long long)tls_memory_counts().taken, ROUNDS, (unsigned long long)in_use);
}

static void test_an_empty_pool_is_an_error_of_openssl_and_counted(void **state) {
    (void)state;
    enum { BLOCKS = 32768 };
    static void *taken[BLOCKS];
    uint32_t count = 0;
    while (count < BLOCKS && (taken[count] = OPENSSL_malloc(64)) != NULL)
        count++;
    assert_true(count > 1000);
    assert_true(count < BLOCKS);
    assert_int_equal(tls_memory_counts().missed, 1);
    assert_null(OPENSSL_malloc(1));
    assert_int_equal(tls_memory_counts().missed, 2);
    for (uint32_t i = 0; i < count; i++)
        OPENSSL_free(taken[i]);
    void *again = OPENSSL_malloc(20000);
    assert_non_null(again);
    OPENSSL_free(again);
}

static void *take_and_leave(void *argument) {
    *(void **)argument = OPENSSL_malloc(1000);
    return NULL;
}

static void test_a_block_of_another_thread_is_not_freed_by_the_one_with_the_pool(void **state) {
    (void)state;
    void *block = NULL;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, take_and_leave, &block), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    struct tls_memory_counts before = tls_memory_counts();
    OPENSSL_free(block);
    struct tls_memory_counts after = tls_memory_counts();
    assert_int_equal(after.deferred, before.deferred + 1);
    assert_int_equal(after.given, before.given);
    void *next = NULL; /* its next allocation frees what was left; a leak would be the sanitizer's to tell */
    assert_int_equal(pthread_create(&thread, NULL, take_and_leave, &next), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    OPENSSL_free(next);
    assert_int_equal(pthread_create(&thread, NULL, take_and_leave, &next), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    OPENSSL_free(next);
}

int main(void) {
    pooled = tls_memory_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_pool_is_in_force),
        cmocka_unit_test(test_records_leave_the_pool_as_it_was),
        cmocka_unit_test(test_what_a_connection_took_comes_back_however_it_ends),
        cmocka_unit_test(test_a_block_of_another_thread_is_not_freed_by_the_one_with_the_pool),
        cmocka_unit_test(test_an_empty_pool_is_an_error_of_openssl_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
