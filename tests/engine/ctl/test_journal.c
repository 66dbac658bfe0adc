/* Protects the engine's truth: whatever is cut off, altered or killed, the readable part of a journal is a prefix
 * without a hole, and a record whose append returned is never lost to a process that dies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/journal_file.h"
#include "ctl/journal_ring.h"
#include "ctl/journal_tail.h"

#define GENERATION 7u

static char directory[64];
static char instance[32];
static struct error_trail trail;

static int set_up(void **state) {
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/arbdeck_journal_XXXXXX");
    snprintf(instance, sizeof instance, "test_%d", (int)getpid());
    memset(&trail, 0, sizeof trail);
    return mkdtemp(directory) == NULL;
}

static int tear_down(void **state) {
    (void)state;
    char command[192];
    snprintf(command, sizeof command, "rm -r %s && rm -f /dev/shm/arbdeck-%s-*", directory, instance);
    return system(command) != 0;
}

static struct journal_record make_record(uint64_t number) {
    struct journal_record record = {.type = JOURNAL_MARK, .version = 1, .time_ns = (int64_t)number};
    for (size_t i = 0; i < sizeof record.payload; i++)
        record.payload[i] = (uint8_t)(number * 31 + i);
    return record;
}

static void append(struct journal_tail *tail, uint64_t first, uint64_t last) {
    for (uint64_t number = first; number <= last; number++) {
        struct journal_record record = make_record(number);
        assert_int_equal(journal_append(tail, &record), 0);
        assert_int_equal(record.seq, number);
    }
}

static struct journal_writer *open_writer(struct journal_tail **tail) {
    struct journal_writer *writer = journal_open(instance, directory, GENERATION, 1234, "9.9.9", tail, &trail);
    if (writer == NULL) fail_msg("%s", trail.text);
    return writer;
}

/* Forgets the writer as a killed process does: files and tail stay as they are. */
static void abandon(struct journal_writer *writer) {
    free(writer);
}

/* Reads everything and checks every record; returns the last seq. */
static uint64_t read_all(bool *torn) {
    struct journal_reader *reader = journal_reader_open(directory, GENERATION, &trail);
    if (reader == NULL) {
        *torn = true;
        return 0;
    }
    struct journal_record record;
    uint64_t count = 0;
    int result;
    while ((result = journal_reader_next(reader, &record)) > 0) {
        struct journal_record expected = make_record(++count);
        assert_int_equal(record.seq, count);
        assert_int_equal(record.generation, GENERATION);
        assert_int_equal(record.time_ns, expected.time_ns);
        assert_memory_equal(record.payload, expected.payload, sizeof record.payload);
    }
    assert_int_equal(result, 0);
    *torn = journal_reader_torn(reader);
    journal_reader_close(reader);
    return count;
}

static char *file_path(uint32_t part) {
    static char path[JOURNAL_PATH_SIZE];
    assert_int_equal(journal_file_path(directory, GENERATION, part, path), 0);
    return path;
}

static size_t load_file(uint8_t **bytes) {
    int fd = open(file_path(0), O_RDONLY);
    struct stat stat;
    assert_true(fd >= 0 && fstat(fd, &stat) == 0);
    *bytes = malloc((size_t)stat.st_size);
    assert_int_equal(read(fd, *bytes, (size_t)stat.st_size), stat.st_size);
    close(fd);
    return (size_t)stat.st_size;
}

static void save_file(const uint8_t *bytes, size_t size) {
    int fd = open(file_path(0), O_WRONLY | O_CREAT | O_TRUNC, 0640);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

static void write_closed_journal(uint64_t count) {
    struct journal_tail *tail;
    struct journal_writer *writer = open_writer(&tail);
    append(tail, 1, count);
    journal_close(writer);
}

static void test_open_refuses_bad_names_and_a_used_generation(void **state) {
    (void)state;
    struct journal_tail *tail;
    assert_null(journal_open("../x", directory, GENERATION, 0, "1", &tail, &trail));
    assert_int_equal(trail.code, ERROR_BAD);
    assert_null(journal_open(instance, "/nowhere/at/all", GENERATION, 0, "1", &tail, &trail));
    assert_int_equal(trail.code, ERROR_SYSTEM);
    assert_null(journal_reader_open(directory, GENERATION, &trail));
    assert_int_equal(trail.code, ERROR_NOT_FOUND);
    assert_int_equal(journal_latest_generation(directory), 0);
    write_closed_journal(1);
    assert_null(journal_open(instance, directory, GENERATION, 0, "1", &tail, &trail));
    assert_int_equal(trail.code, ERROR_BUSY);
    assert_int_equal(journal_recover_tails(instance, directory, &trail), 0);
}

static void test_file_holds_head_text_and_every_record(void **state) {
    (void)state;
    struct journal_tail *tail;
    struct journal_writer *writer = open_writer(&tail);
    assert_int_equal(journal_last_seq(tail), 0);
    assert_int_equal(journal_free(tail), JOURNAL_TAIL_RECORDS);
    append(tail, 1, 100);
    assert_int_equal(journal_disk_seq(tail), 0);
    assert_int_equal(journal_flush(writer, false, &trail), 100);
    assert_int_equal(journal_disk_seq(tail), 100);
    append(tail, 101, 150);
    assert_int_equal(journal_free(tail), JOURNAL_TAIL_RECORDS - 50);
    assert_int_equal(journal_flush(writer, true, &trail), 50);
    assert_int_equal(journal_flush(writer, true, &trail), 0);
    journal_close(writer);
    bool torn;
    assert_int_equal(read_all(&torn), 150);
    assert_false(torn);
    struct journal_reader *reader = journal_reader_open(directory, GENERATION, &trail);
    const struct journal_file_head *head = journal_reader_head(reader);
    assert_string_equal(head->instance, instance);
    assert_string_equal(head->version, "9.9.9");
    assert_int_equal(head->wall_offset_ns, 1234);
    uint8_t *bytes;
    load_file(&bytes);
    int fd = open(TEST_SOURCE_DIR "/engine/journal.h", O_RDONLY);
    char *text = malloc(head->text_size + 1);
    assert_int_equal(read(fd, text, head->text_size + 1), head->text_size);
    assert_memory_equal(bytes + sizeof *head, text, head->text_size);
    close(fd);
    free(text);
    free(bytes);
    journal_reader_close(reader);
}

static void test_full_tail_refuses_and_overwrites_nothing(void **state) {
    (void)state;
    struct journal_tail *tail;
    struct journal_writer *writer = open_writer(&tail);
    append(tail, 1, JOURNAL_TAIL_RECORDS);
    struct journal_record record = make_record(0);
    assert_int_equal(journal_append(tail, &record), ERROR_FULL);
    assert_int_equal(journal_free(tail), 0);
    assert_int_equal(journal_flush(writer, false, &trail), JOURNAL_TAIL_RECORDS);
    append(tail, JOURNAL_TAIL_RECORDS + 1, JOURNAL_TAIL_RECORDS + 10);
    journal_close(writer);
    bool torn;
    assert_int_equal(read_all(&torn), JOURNAL_TAIL_RECORDS + 10);
    assert_false(torn);
}

static void test_files_roll_and_a_missing_part_is_noticed(void **state) {
    (void)state;
    uint64_t per_file = JOURNAL_FILE_SIZE_MAX / JOURNAL_RECORD_SIZE;
    uint64_t total = per_file + per_file / 2;
    struct journal_tail *tail;
    struct journal_writer *writer = open_writer(&tail);
    for (uint64_t number = 1; number <= total; number++) {
        append(tail, number, number);
        if (number % 20000 == 0) assert_int_equal(journal_flush(writer, false, &trail), 20000);
    }
    journal_close(writer);
    struct stat stat_of_first;
    assert_int_equal(stat(file_path(0), &stat_of_first), 0);
    assert_true(stat_of_first.st_size <= JOURNAL_FILE_SIZE_MAX);
    assert_int_equal(access(file_path(1), F_OK), 0);
    bool torn;
    assert_int_equal(read_all(&torn), total);
    assert_false(torn);
    /* Damage in a part that another follows must not be cut off. */
    assert_int_equal(truncate(file_path(0), stat_of_first.st_size - JOURNAL_RECORD_SIZE), 0);
    assert_true(read_all(&torn) < per_file);
    assert_true(torn);
}

static void test_truncation_at_any_byte_leaves_the_last_whole_record(void **state) {
    (void)state;
    write_closed_journal(20);
    uint8_t *bytes;
    size_t size = load_file(&bytes);
    for (size_t cut = 0; cut <= 3 * JOURNAL_RECORD_SIZE; cut++) {
        assert_int_equal(truncate(file_path(0), (off_t)(size - cut)), 0);
        bool torn;
        assert_int_equal(read_all(&torn), 20 - (cut + JOURNAL_RECORD_SIZE - 1) / JOURNAL_RECORD_SIZE);
        assert_int_equal(torn, cut % JOURNAL_RECORD_SIZE != 0);
        save_file(bytes, size);
    }
    free(bytes);
}

static void test_every_flipped_bit_is_noticed(void **state) {
    (void)state;
    write_closed_journal(40);
    uint8_t *bytes;
    size_t size = load_file(&bytes);
    struct journal_file_head head;
    memcpy(&head, bytes, sizeof head);
    size_t data = (size_t)journal_file_data_offset(head.text_size);
    size_t padding = sizeof head + head.text_size; /* zeros up to the first record: nothing reads them */
    unsigned seed = 20261122;
    print_message("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 4000; round++) {
        size_t at = (size_t)rand() % size;
        if (round < 112 * 8) at = (size_t)round / 8; /* every bit of the head */
        if (at >= padding && at < data) continue;
        bytes[at] ^= (uint8_t)(1u << (round % 8));
        save_file(bytes, size);
        bool torn;
        uint64_t last = read_all(&torn);
        assert_true(torn);
        assert_int_equal(last, at < data ? 0 : (at - data) / JOURNAL_RECORD_SIZE);
        bytes[at] ^= (uint8_t)(1u << (round % 8));
    }
    free(bytes);
}

static void test_recovery_appends_what_the_tail_still_holds(void **state) {
    (void)state;
    struct journal_tail *tail;
    struct journal_writer *writer = open_writer(&tail);
    append(tail, 1, 500);
    assert_int_equal(journal_flush(writer, false, &trail), 500);
    append(tail, 501, 900);
    abandon(writer);
    assert_int_equal(journal_recover_tails(instance, directory, &trail), 0);
    bool torn;
    assert_int_equal(read_all(&torn), 900);
    assert_false(torn);
    assert_int_equal(journal_recover_tails(instance, directory, &trail), 0); /* the tail is gone */
    assert_int_equal(read_all(&torn), 900);
}

static void test_recovery_mends_a_torn_or_lost_file_from_the_tail(void **state) {
    (void)state;
    struct journal_tail *tail;
    struct journal_writer *writer = open_writer(&tail);
    append(tail, 1, 50);
    assert_int_equal(journal_flush(writer, false, &trail), 50);
    uint8_t *bytes;
    size_t size = load_file(&bytes);
    assert_int_equal(truncate(file_path(0), (off_t)(size - 3 * JOURNAL_RECORD_SIZE - 17)), 0);
    free(bytes);
    append(tail, 51, 60);
    abandon(writer);
    assert_int_equal(journal_recover_tails(instance, directory, &trail), 0);
    bool torn;
    assert_int_equal(read_all(&torn), 60);
    assert_false(torn);
}

static void test_recovery_stops_at_the_first_bad_record_of_the_tail(void **state) {
    (void)state;
    struct journal_tail *tail;
    struct journal_writer *writer = open_writer(&tail);
    append(tail, 1, 30);
    tail->record[20].payload[3] ^= 1; /* seq 21 */
    abandon(writer);
    assert_int_equal(journal_recover_tails(instance, directory, &trail), 0);
    bool torn;
    assert_int_equal(read_all(&torn), 20);
    assert_false(torn);
}

static void test_recovery_keeps_files_and_tail_when_it_cannot_mend(void **state) {
    (void)state;
    struct journal_tail *tail;
    struct journal_writer *writer = open_writer(&tail);
    append(tail, 1, 30);
    assert_int_equal(journal_flush(writer, false, &trail), 30);
    uint8_t *bytes;
    size_t size = load_file(&bytes);
    bytes[size - 10 * JOURNAL_RECORD_SIZE + 60] ^= 4; /* seq 21 on disk */
    save_file(bytes, size);
    tail->record[20].payload[3] ^= 1; /* and in the tail */
    append(tail, 31, 35);
    abandon(writer);
    assert_int_equal(journal_recover_tails(instance, directory, &trail), ERROR_MISMATCH);
    assert_non_null(strstr(trail.text, "record 21 of 30 is damaged"));
    uint8_t *after;
    assert_int_equal(load_file(&after), size);
    assert_memory_equal(after, bytes, size);
    tail->record[20].payload[3] ^= 1; /* once the tail is good again, everything comes back */
    assert_int_equal(journal_recover_tails(instance, directory, &trail), 0);
    bool torn;
    assert_int_equal(read_all(&torn), 35);
    assert_false(torn);
    free(after);
    free(bytes);
}

static void test_recovery_refuses_the_tail_of_a_running_process(void **state) {
    (void)state;
    struct journal_tail *tail;
    struct journal_writer *writer = open_writer(&tail);
    append(tail, 1, 5);
    pid_t child = fork();
    if (child == 0) _exit(journal_recover_tails(instance, directory, NULL) == ERROR_BUSY ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    journal_close(writer);
    bool torn;
    assert_int_equal(read_all(&torn), 5);
}

static void test_full_disk_loses_nothing(void **state) {
    (void)state;
    struct journal_tail *tail;
    struct journal_writer *writer = open_writer(&tail);
    append(tail, 1, 10);
    assert_int_equal(journal_flush(writer, true, &trail), 10);
    uint8_t *bytes;
    size_t size = load_file(&bytes);
    free(bytes);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    append(tail, 11, 30);
    for (size_t room = 0; room < 3 * JOURNAL_RECORD_SIZE; room += 100) { /* full in the middle of a record, too */
        struct rlimit limit = {.rlim_cur = size + room, .rlim_max = before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
        assert_int_equal(journal_flush(writer, false, &trail), ERROR_SYSTEM);
        assert_int_equal(journal_disk_seq(tail), 10 + room / JOURNAL_RECORD_SIZE);
        assert_non_null(strstr(trail.text, "cannot be written"));
    }
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(journal_flush(writer, true, &trail), 18);
    append(tail, 31, 40);
    journal_close(writer);
    bool torn;
    assert_int_equal(read_all(&torn), 40);
    assert_false(torn);
}

static void append_until_killed(uint64_t *reported) {
    struct journal_tail *tail;
    struct journal_writer *writer = journal_open(instance, directory, GENERATION, 0, "1", &tail, NULL);
    if (writer == NULL) _exit(1);
    for (uint64_t number = 1;; number++) {
        struct journal_record record = make_record(number);
        if (journal_append(tail, &record) == 0)
            __atomic_store_n(reported, number, __ATOMIC_RELEASE);
        else
            number--;
        if (number % 700 == 0) journal_flush(writer, false, NULL);
    }
}

static void test_kill_of_the_process_loses_no_appended_record(void **state) {
    (void)state;
    uint64_t *reported = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (unsigned round = 0; round < 30; round++) {
        *reported = 0;
        pid_t child = fork();
        if (child == 0) append_until_killed(reported);
        int64_t deadline = clock_mono_ns() + 5000000000;
        uint64_t wanted = 1 + round * 577; /* at ever other places of the loop */
        while (__atomic_load_n(reported, __ATOMIC_ACQUIRE) < wanted && clock_mono_ns() < deadline)
            usleep(100);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        uint64_t last = *reported;
        assert_true(last >= wanted);
        assert_int_equal(journal_recover_tails(instance, directory, &trail), 0);
        bool torn;
        uint64_t recovered = read_all(&torn);
        assert_false(torn);
        assert_true(recovered == last || recovered == last + 1); /* killed between append and report */
        assert_int_equal(unlink(file_path(0)), 0);
    }
    munmap(reported, 4096);
}

static void test_latest_generation_is_the_greatest_with_a_snapshot(void **state) {
    (void)state;
    for (uint64_t generation = 1; generation <= 4; generation++) {
        struct journal_tail *tail;
        struct journal_writer *writer = journal_open(instance, directory, generation, 0, "1", &tail, &trail);
        struct journal_record record = {.type = JOURNAL_START, .version = 1};
        assert_int_equal(journal_append(tail, &record), 0);
        record.type = generation == 2 || generation == 3 ? JOURNAL_SNAPSHOT_END : JOURNAL_MARK;
        assert_int_equal(journal_append(tail, &record), 0);
        journal_close(writer);
    }
    assert_int_equal(journal_latest_generation(directory), 3);
    char path[JOURNAL_PATH_SIZE];
    assert_int_equal(journal_file_path(directory, 3, 0, path), 0);
    assert_int_equal(truncate(path, 5000), 0); /* its snapshot is not whole any more */
    assert_int_equal(journal_latest_generation(directory), 2);
}

int main(void) {
#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(test_open_refuses_bad_names_and_a_used_generation),
        WITH_DIRECTORY(test_file_holds_head_text_and_every_record),
        WITH_DIRECTORY(test_full_tail_refuses_and_overwrites_nothing),
        WITH_DIRECTORY(test_files_roll_and_a_missing_part_is_noticed),
        WITH_DIRECTORY(test_truncation_at_any_byte_leaves_the_last_whole_record),
        WITH_DIRECTORY(test_every_flipped_bit_is_noticed),
        WITH_DIRECTORY(test_recovery_appends_what_the_tail_still_holds),
        WITH_DIRECTORY(test_recovery_mends_a_torn_or_lost_file_from_the_tail),
        WITH_DIRECTORY(test_recovery_stops_at_the_first_bad_record_of_the_tail),
        WITH_DIRECTORY(test_recovery_keeps_files_and_tail_when_it_cannot_mend),
        WITH_DIRECTORY(test_recovery_refuses_the_tail_of_a_running_process),
        WITH_DIRECTORY(test_full_disk_loses_nothing),
        WITH_DIRECTORY(test_kill_of_the_process_loses_no_appended_record),
        WITH_DIRECTORY(test_latest_generation_is_the_greatest_with_a_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
