/* Protects what a person sees of the engine: no torn copy while the writer is hot, always a readable slot after the
 * writer was killed in the middle, and no segment of another generation left behind or touched by mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/shm.h"
#include "ctl/shm_names.h"

static char instance[32];
static struct error_trail trail;

static int set_up(void **state) {
    (void)state;
    snprintf(instance, sizeof instance, "test_%d", (int)getpid());
    memset(&trail, 0, sizeof trail);
    return 0;
}

static bool segment_exists(const char *suffix) {
    char path[128];
    snprintf(path, sizeof path, "/dev/shm/arbdeck-%s-%s", instance, suffix);
    return access(path, F_OK) == 0;
}

/* The reader's half of the latch, as abi.h states it. False: no slot was whole within the retries. */
static bool read_counters(const struct abi_counters_slot *slots, struct abi_counters *out) {
    for (int attempt = 0; attempt < 1000; attempt++) {
        uint64_t first = __atomic_load_n(&slots[0].seq, __ATOMIC_ACQUIRE);
        uint64_t second = __atomic_load_n(&slots[1].seq, __ATOMIC_ACQUIRE);
        const struct abi_counters_slot *slot = &slots[0];
        if ((first & 1) != 0 || ((second & 1) == 0 && second > first)) slot = &slots[1];
        uint64_t seq = __atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE);
        if (seq == 0 || (seq & 1) != 0) continue;
        const uint64_t *words = (const uint64_t *)(const void *)&slot->value;
        for (size_t i = 0; i < sizeof *out / 8; i++)
            ((uint64_t *)out)[i] = __atomic_load_n(words + i, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&slot->seq, __ATOMIC_RELAXED) == seq) return true;
    }
    return false;
}

static bool is_torn(const struct abi_counters *counters) {
    for (size_t i = 0; i < ABI_COUNTER_MAX; i++)
        if (counters->value[i] != counters->value[0] || counters->refused[i] != counters->value[0]) return true;
    return false;
}

static void publish(struct abi_segment *segment, uint64_t n) {
    struct abi_counters counters;
    for (size_t i = 0; i < ABI_COUNTER_MAX; i++)
        counters.value[i] = counters.refused[i] = n;
    SHM_PUBLISH(segment->counters, &counters);
}

static void test_create_refuses_bad_names_and_what_exists(void **state) {
    (void)state;
    static const char *const bad[] = {"", "Sim", "a-b", "../a", "a/b", "abcdefghijklmnopqrstuvwxyz0123456789"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(shm_create(bad[i], 1, &trail));
        assert_int_equal(trail.code, ERROR_BAD);
    }
    struct abi_segment *segment = shm_create(instance, 1, &trail);
    assert_non_null(segment);
    assert_null(shm_create(instance, 1, &trail));
    assert_int_equal(trail.code, ERROR_BUSY);
    shm_destroy(segment);
    assert_false(segment_exists("1"));
}

static void test_header_is_filled_and_the_magic_comes_last(void **state) {
    (void)state;
    struct abi_segment *segment = shm_create(instance, 12, &trail);
    assert_non_null(segment);
    const struct abi_header *header = &segment->header;
    assert_int_equal(header->magic, 0);
    assert_int_equal(header->abi_hash, ENGINE_ABI_HASH);
    assert_int_equal(header->size, sizeof *segment);
    assert_int_equal(header->generation, 12);
    assert_int_equal(header->pid, getpid());
    assert_true(header->pid_start_ticks > 0);
    assert_int_equal(strlen(header->boot_id), 36);
    assert_string_equal(header->instance, instance);
    assert_int_equal(header->start_wall_ns - header->start_mono_ns, header->wall_offset_ns);
    struct stat stat_of_segment;
    char path[128];
    snprintf(path, sizeof path, "/dev/shm/arbdeck-%s-12", instance);
    assert_int_equal(stat(path, &stat_of_segment), 0);
    assert_int_equal(stat_of_segment.st_mode & 0777, 0640);
    assert_true(stat_of_segment.st_blocks * 512 >= (off_t)sizeof *segment); /* allocated: no SIGBUS later */
    shm_ready(segment);
    assert_int_equal(header->magic, ABI_MAGIC);
    shm_destroy(segment);
    assert_false(segment_exists("12"));
}

static void test_sweep_removes_other_generations_of_this_instance_only(void **state) {
    (void)state;
    struct abi_segment *old = shm_create(instance, 3, &trail);
    struct abi_segment *own = shm_create(instance, 4, &trail);
    char other_name[40];
    snprintf(other_name, sizeof other_name, "%s_b", instance);
    struct abi_segment *other = shm_create(other_name, 3, &trail);
    void *tail = shm_object_create("/arbdeck-shm_test_tail-3-tail", 4096, &trail);
    shm_sweep(instance, 4);
    assert_false(segment_exists("3"));
    assert_true(segment_exists("4"));
    uint64_t generation;
    assert_int_equal(shm_names_scan(other_name, "", &generation, 1), 1);
    shm_sweep("shm_test_tail", 4); /* a tail holds records: only the journal's recovery may remove it */
    assert_int_equal(shm_names_scan("shm_test_tail", "-tail", &generation, 1), 1);
    assert_int_equal(shm_names_scan("shm_test_tail", "", &generation, 1), 0);
    shm_unlink("/arbdeck-shm_test_tail-3-tail");
    munmap(tail, 4096);
    shm_destroy(own);
    shm_destroy(other);
    munmap(old, sizeof *old);
}

static void test_the_engines_own_reader_takes_the_newest_whole_slot(void **state) {
    (void)state;
    struct abi_segment *segment = shm_create(instance, 6, &trail);
    struct abi_counters read;
    assert_false(SHM_READ(segment->counters, &read)); /* never written */
    segment->counters[0].seq = 1;                     /* killed inside the first publication */
    assert_false(SHM_READ(segment->counters, &read));
    segment->counters[0].seq = 0;
    for (uint64_t n = 0; n < 9; n++) {
        publish(segment, n);
        assert_true(SHM_READ(segment->counters, &read));
        assert_int_equal(read.value[3], n);
        struct abi_counters_slot *slot = &segment->counters[n & 1];
        slot->seq--; /* killed inside this publication: what the other slot holds is whole */
        slot->value.value[3] = 666;
        assert_int_equal(SHM_READ(segment->counters, &read), n != 0);
        if (n != 0) assert_int_equal(read.value[3], n - 1);
        slot->seq++;
        slot->value.value[3] = n;
    }
    shm_destroy(segment);
}

static void test_publications_alternate_between_the_slots(void **state) {
    (void)state;
    struct abi_segment *segment = shm_create(instance, 5, &trail);
    for (uint64_t n = 0; n < 9; n++) {
        publish(segment, n);
        assert_int_equal(segment->counters[n & 1].seq, 2 * n + 2);
        assert_int_equal(segment->counters[n & 1].value.value[5], n);
    }
    struct abi_pnl_sample sample = {.id = 7};
    SHM_PUBLISH_CELL(&segment->pnl_ring[7], &sample);
    assert_int_equal(segment->pnl_ring[7].seq, 2);
    SHM_PUBLISH_CELL(&segment->pnl_ring[7], &sample);
    assert_int_equal(segment->pnl_ring[7].seq, 4);
    assert_int_equal(segment->pnl_ring[7].value.id, 7);
    assert_int_equal(segment->pnl_ring[8].seq, 0);
    shm_destroy(segment);
}

struct hot_writer {
    struct abi_segment *segment;
    bool stop;
};

static void *write_hot(void *context) {
    struct hot_writer *writer = context;
    for (uint64_t n = 1; !__atomic_load_n(&writer->stop, __ATOMIC_RELAXED); n++)
        publish(writer->segment, n);
    return NULL;
}

static void test_reader_sees_no_torn_block_under_a_hot_writer(void **state) {
    (void)state;
    struct hot_writer writer = {.segment = shm_create(instance, 6, &trail)};
    publish(writer.segment, 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_hot, &writer), 0);
    int64_t end = clock_mono_ns() + 2000000000;
    uint64_t read_count = 0, torn_count = 0, backward_count = 0, last = 0;
    while (clock_mono_ns() < end) {
        struct abi_counters counters;
        if (!read_counters(writer.segment->counters, &counters)) continue;
        read_count++;
        torn_count += is_torn(&counters);
        backward_count += counters.value[0] < last;
        last = counters.value[0];
    }
    writer.stop = true;
    pthread_join(thread, NULL);
    print_message("%lu reads of %lu publications\n", (unsigned long)read_count, (unsigned long)last);
    assert_true(read_count > 1000);
    assert_true(last > 1000);
    assert_int_equal(torn_count, 0);
    assert_int_equal(backward_count, 0);
    shm_destroy(writer.segment);
}

static void test_killed_writer_always_leaves_a_readable_slot(void **state) {
    (void)state;
    struct abi_segment *segment = shm_create(instance, 7, &trail);
    unsigned seed = 20261122;
    print_message("seed %u\n", seed);
    srand(seed);
    uint64_t last = 0;
    for (int round = 0; round < 50; round++) {
        struct hot_writer writer = {.segment = segment};
        uint64_t before = segment->counters[0].seq + segment->counters[1].seq;
        pid_t child = fork();
        if (child == 0) {
            publish(segment, last + 1);
            write_hot(&writer);
        }
        while (segment->counters[0].seq + segment->counters[1].seq < before + 4)
            usleep(50);
        usleep((useconds_t)(rand() % 2000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        struct abi_counters counters;
        assert_true(read_counters(segment->counters, &counters));
        assert_false(is_torn(&counters));
        last = counters.value[0];
        /* The next engine makes a segment of its own; here the slots start again so that each round is a first life. */
        memset(segment->counters, 0, sizeof segment->counters);
    }
    shm_destroy(segment);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_create_refuses_bad_names_and_what_exists, set_up),
        cmocka_unit_test_setup(test_header_is_filled_and_the_magic_comes_last, set_up),
        cmocka_unit_test_setup(test_sweep_removes_other_generations_of_this_instance_only, set_up),
        cmocka_unit_test_setup(test_the_engines_own_reader_takes_the_newest_whole_slot, set_up),
        cmocka_unit_test_setup(test_publications_alternate_between_the_slots, set_up),
        cmocka_unit_test_setup(test_reader_sees_no_torn_block_under_a_hot_writer, set_up),
        cmocka_unit_test_setup(test_killed_writer_always_leaves_a_readable_slot, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
