/* Protects the small tools everything stands on: error trails that never overflow, known answers of the hashes and
 * the CRC, the SPSC ring between two threads, and log lines that cannot be forged or block the hot thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/spsc.h"

#define ITEM_TOTAL 5000000u

static void test_every_error_code_has_its_own_line_of_text(void **state) {
    (void)state;
    for (int code = ERROR_BUSY; code <= 0; code++) {
        assert_string_not_equal(error_text(code), error_text(1));
        for (int other = ERROR_BUSY; other < code; other++)
            assert_string_not_equal(error_text(code), error_text(other));
    }
    assert_string_equal(error_text(-12), error_text(99));
}

static void test_error_trail_keeps_the_origin_first_and_never_overflows(void **state) {
    (void)state;
    struct {
        struct error_trail trail;
        char guard[16];
    } box;
    memset(&box, 0x5a, sizeof box);
    assert_int_equal(error_set(&box.trail, ERROR_BAD, "fee = %d", -3), ERROR_BAD);
    assert_int_equal(error_append(&box.trail, ERROR_BAD, "in %s", "engine.json"), ERROR_BAD);
    assert_string_equal(box.trail.text, "fee = -3 (in engine.json)");
    char longer[700];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    for (int i = 0; i < 3; i++) {
        error_append(&box.trail, ERROR_REFUSED, "%s", longer);
        assert_true(strlen(box.trail.text) < sizeof box.trail.text);
    }
    assert_int_equal(box.trail.code, ERROR_REFUSED);
    assert_memory_equal(box.trail.text, "fee = -3 (in", 12);
    for (size_t i = 0; i < sizeof box.guard; i++)
        assert_int_equal(box.guard[i], 0x5a);
    assert_int_equal(error_set(NULL, ERROR_BAD, "nobody listens"), ERROR_BAD);
    assert_int_equal(error_append(NULL, ERROR_BAD, "nobody listens"), ERROR_BAD);
}

static void test_crc32c_gives_the_known_answers_and_chains(void **state) {
    (void)state;
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(crc32c_portable(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(crc32c(0, "", 0), 0);
    uint8_t zeros[32] = {0};
    assert_int_equal(crc32c(0, zeros, sizeof zeros), 0x8a9136aau); /* RFC 3720, B.4 */
    const char *digits = "123456789";
    for (size_t cut = 0; cut <= 9; cut++)
        assert_int_equal(crc32c(crc32c(0, digits, cut), digits + cut, 9 - cut), 0xe3069283u);
}

static void test_crc32c_of_the_instruction_equals_the_table(void **state) {
    (void)state;
    uint8_t bytes[300];
    unsigned seed = 20261122;
    print_message("seed %u\n", seed);
    srand(seed);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)rand();
    for (size_t start = 0; start < 8; start++)
        for (size_t size = 0; start + size <= sizeof bytes; size++)
            assert_int_equal(crc32c((uint32_t)size, bytes + start, size),
                             crc32c_portable((uint32_t)size, bytes + start, size));
}

static void test_processor_lists_are_read_as_the_kernel_writes_them(void **state) {
    (void)state;
    assert_true(cpu_list_has("0-3,7\n", 0) && cpu_list_has("0-3,7\n", 3) && cpu_list_has("0-3,7\n", 7));
    assert_false(cpu_list_has("0-3,7\n", 4) || cpu_list_has("0-3,7\n", 8) || cpu_list_has("12", 1));
    assert_false(cpu_list_has("", 0) || cpu_list_has("\n", 0) || cpu_list_has("none", 0) || cpu_list_has("0-", 1));
    char text[256];
    cpu_allowed_text(text, sizeof text);
    for (int cpu = 0; cpu < 64; cpu++)
        assert_int_equal(cpu_list_has(text, cpu), cpu_is_allowed(cpu));
    assert_false(cpu_is_allowed(-1) || cpu_is_allowed(100000));
}

struct item {
    uint64_t number;
    uint64_t inverse;
    uint8_t rest[24];
};

static struct spsc *make_ring(void **memory, uint32_t item_count, uint32_t item_size) {
    assert_int_equal(posix_memalign(memory, 64, spsc_size(item_count, item_size)), 0);
    return spsc_init(*memory, item_count, item_size);
}

static void test_spsc_refuses_when_full_and_keeps_the_order(void **state) {
    (void)state;
    void *memory;
    struct spsc *ring = make_ring(&memory, 4, sizeof(uint32_t));
    uint32_t out = 77;
    assert_false(spsc_pop(ring, &out));
    assert_int_equal(out, 77);
    for (uint32_t round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < 4; i++) {
            assert_int_equal(spsc_count(ring), i);
            assert_int_equal(spsc_push(ring, &i), 0);
        }
        uint32_t one_more = 99;
        assert_int_equal(spsc_push(ring, &one_more), ERROR_FULL);
        assert_int_equal(spsc_count(ring), 4);
        for (uint32_t i = 0; i < 4; i++) {
            assert_true(spsc_pop(ring, &out));
            assert_int_equal(out, i);
        }
        assert_false(spsc_pop(ring, &out));
    }
    free(memory);
}

static void *produce(void *context) {
    struct spsc *ring = context;
    for (uint64_t i = 0; i < ITEM_TOTAL; i++) {
        struct item item = {.number = i, .inverse = ~i};
        memset(item.rest, (int)(i & 0xff), sizeof item.rest);
        while (spsc_push(ring, &item) != 0)
            sched_yield();
    }
    return NULL;
}

static void test_spsc_hands_five_million_items_over_whole_and_in_order(void **state) {
    (void)state;
    void *memory;
    struct spsc *ring = make_ring(&memory, 256, sizeof(struct item));
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, ring), 0);
    uint64_t wrong_count = 0;
    for (uint64_t i = 0; i < ITEM_TOTAL;) {
        struct item item;
        if (!spsc_pop(ring, &item)) {
            sched_yield();
            continue;
        }
        bool whole = item.number == i && item.inverse == ~i;
        for (size_t k = 0; k < sizeof item.rest; k++)
            whole = whole && item.rest[k] == (uint8_t)i;
        if (!whole) wrong_count++;
        i++;
    }
    pthread_join(producer, NULL);
    assert_int_equal(wrong_count, 0);
    assert_int_equal(spsc_count(ring), 0);
    free(memory);
}

/* Runs `call` with stderr in a file and returns what it wrote. */
static char *captured(void (*call)(void)) {
    char path[] = "/tmp/arbdeck_log_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    int saved = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    call();
    dup2(saved, STDERR_FILENO);
    close(saved);
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);
    assert_int_equal(pread(fd, text, (size_t)size, 0), size);
    close(fd);
    return text;
}

static size_t count_lines(const char *text) {
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static void log_hostile_lines(void) {
    char longer[2000];
    memset(longer, '\x01', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    log_write(LOG_WARNING, "feed %s", "binance\n2026-11-22T00:00:00.000Z fatal forged\x1b[2J\x7f");
    log_write(LOG_DEBUG, "below the least level");
    log_write(LOG_ERROR, "%s", longer);
}

static void test_log_line_has_time_and_level_and_cannot_be_forged(void **state) {
    (void)state;
    log_init(LOG_INFO);
    char *text = captured(log_hostile_lines);
    assert_int_equal(count_lines(text), 2);
    int day, hour, used = 0;
    assert_int_equal(sscanf(text, "20%*2d-%*2d-%2dT%2d:%*2d:%*2d.%*3dZ warning%n", &day, &hour, &used), 2);
    assert_int_equal(used, 32);
    assert_non_null(strstr(text, " warning feed binance\\x0a2026-11-22T00:00:00.000Z fatal forged\\x1b[2J\\x7f\n"));
    assert_null(strstr(text, "below"));
    assert_string_equal(text + strlen(text) - 8, "\\x01...\n");
    free(text);
}

static void *log_from_hot_thread(void *context) {
    (void)context;
    log_hot_thread();
    for (int i = 0; i < 1500; i++)
        log_write(LOG_INFO, "line %d", i);
    return NULL;
}

static void log_hot_without_drain(void) {
    pthread_t hot;
    pthread_create(&hot, NULL, log_from_hot_thread, NULL);
    pthread_join(hot, NULL);
}

static void drain(void) {
    log_drain();
}

static void test_log_of_the_hot_thread_waits_for_the_drain_and_tells_what_it_dropped(void **state) {
    (void)state;
    char *text = captured(log_hot_without_drain);
    assert_string_equal(text, "");
    free(text);
    text = captured(drain);
    assert_int_equal(count_lines(text), 1025);
    assert_non_null(strstr(text, " info line 0\n"));
    assert_non_null(strstr(text, " info line 1023\n"));
    assert_null(strstr(text, " info line 1024\n"));
    assert_non_null(strstr(text, " warning log: 476 lines of the hot thread dropped"));
    free(text);
    text = captured(drain);
    assert_string_equal(text, "");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processor_lists_are_read_as_the_kernel_writes_them),
        cmocka_unit_test(test_every_error_code_has_its_own_line_of_text),
        cmocka_unit_test(test_error_trail_keeps_the_origin_first_and_never_overflows),
        cmocka_unit_test(test_crc32c_gives_the_known_answers_and_chains),
        cmocka_unit_test(test_crc32c_of_the_instruction_equals_the_table),
        cmocka_unit_test(test_spsc_refuses_when_full_and_keeps_the_order),
        cmocka_unit_test(test_spsc_hands_five_million_items_over_whole_and_in_order),
        cmocka_unit_test(test_log_line_has_time_and_level_and_cannot_be_forged),
        cmocka_unit_test(test_log_of_the_hot_thread_waits_for_the_drain_and_tells_what_it_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
