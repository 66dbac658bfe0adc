#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "journal_file.h"
#include "journal_ring.h"
#include "journal_tail.h"
#include "process.h"
#include "shm_names.h"

#define WRITE_RECORDS_MAX 4096u /* per write(): 1 MiB, so disk_seq moves on while a full tail is copied */

struct journal_writer {
    struct journal_tail *tail;
    struct journal_file file;
    char directory[JOURNAL_PATH_SIZE];
    char tail_name[SHM_NAME_SIZE];
};

static void fill_tail(struct journal_tail *tail, const struct journal_file_head *head) {
    tail->pid = (uint32_t)getpid();
    tail->pid_start_ticks = process_start_ticks(getpid());
    tail->record_count = JOURNAL_TAIL_RECORDS;
    tail->head = *head;
    tail->last_crc = head->crc_seed;
    __atomic_store_n(&tail->magic, (uint64_t)JOURNAL_TAIL_MAGIC, __ATOMIC_RELEASE);
}

static int open_tail_and_file(struct journal_writer *writer, const struct journal_file_head *head,
                              struct error_trail *trail) {
    writer->tail = shm_object_create(writer->tail_name, sizeof *writer->tail, trail);
    if (writer->tail == NULL) return ERROR_SYSTEM;
    int result = journal_file_create(&writer->file, writer->directory, head, trail);
    if (result == 0) {
        fill_tail(writer->tail, &writer->file.head);
        return 0;
    }
    munmap(writer->tail, sizeof *writer->tail);
    shm_unlink(writer->tail_name);
    return result;
}

struct journal_writer *journal_open(const char *instance, const char *directory, uint64_t generation,
                                    int64_t wall_offset_ns, const char *version, struct journal_tail **tail,
                                    struct error_trail *trail) {
    struct journal_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        error_set(trail, ERROR_SYSTEM, "no memory for the journal writer");
        return NULL;
    }
    struct journal_file_head head = {.generation = generation, .wall_offset_ns = wall_offset_ns};
    snprintf(head.instance, sizeof head.instance, "%s", instance);
    snprintf(head.version, sizeof head.version, "%s", version);
    int size = snprintf(writer->directory, sizeof writer->directory, "%s", directory);
    int result = 0;
    if (shm_name_make(instance, generation, JOURNAL_TAIL_SUFFIX, writer->tail_name) != 0)
        result = error_set(trail, ERROR_BAD, "instance = \"%s\": allowed are 1 to 31 of a-z, 0-9 and _", instance);
    else if (size < 0 || (size_t)size >= sizeof writer->directory)
        result = error_set(trail, ERROR_RANGE, "journal directory: a path of %d bytes is too long", size);
    if (result == 0) result = open_tail_and_file(writer, &head, trail);
    if (result != 0) {
        free(writer);
        return NULL;
    }
    *tail = writer->tail;
    return writer;
}

/* Records from `first` on that lie side by side in the ring and fit into the file. */
static uint32_t contiguous_records(const struct journal_writer *writer, uint64_t first, uint64_t last) {
    uint64_t count = last - first + 1;
    uint64_t to_ring_end = JOURNAL_TAIL_RECORDS - (first - 1) % JOURNAL_TAIL_RECORDS;
    uint64_t to_file_end = (JOURNAL_FILE_SIZE_MAX - writer->file.size) / JOURNAL_RECORD_SIZE;
    if (count > to_ring_end) count = to_ring_end;
    if (count > to_file_end) count = to_file_end;
    return count < WRITE_RECORDS_MAX ? (uint32_t)count : WRITE_RECORDS_MAX;
}

/* Returns records written, or a negative code when the very first one failed; *failed tells the code either way. */
static int64_t copy_to_files(struct journal_writer *writer, int *failed, struct error_trail *trail) {
    struct journal_tail *tail = writer->tail;
    uint64_t head_seq = journal_last_seq(tail);
    uint64_t start = writer->file.last_seq;
    while (*failed == 0 && writer->file.last_seq < head_seq) {
        if (writer->file.size + JOURNAL_RECORD_SIZE > JOURNAL_FILE_SIZE_MAX) {
            *failed = journal_file_roll(&writer->file, writer->directory, trail);
            continue;
        }
        uint64_t first = writer->file.last_seq + 1;
        uint32_t count = contiguous_records(writer, first, head_seq);
        uint32_t written = journal_file_append(&writer->file, journal_tail_slot(tail, first), count, trail);
        if (written < count) *failed = ERROR_SYSTEM;
        __atomic_store_n(&tail->disk_seq, writer->file.last_seq, __ATOMIC_RELEASE);
    }
    return (int64_t)(writer->file.last_seq - start);
}

int64_t journal_flush(struct journal_writer *writer, bool sync, struct error_trail *trail) {
    assert(writer->tail->magic == JOURNAL_TAIL_MAGIC);
    int failed = 0;
    int64_t written = copy_to_files(writer, &failed, trail);
    /* A failed sync stays one, asked for or not: health must not flap between two flushes. */
    if (failed == 0 && (sync || writer->file.sync_failed)) failed = journal_file_sync(&writer->file, trail);
    return failed != 0 ? failed : written;
}

void journal_close(struct journal_writer *writer) {
    if (writer == NULL) return;
    /* A tail whose records did not all reach the disk stays: the next start recovers it. */
    bool whole = journal_flush(writer, true, NULL) >= 0;
    journal_file_close(&writer->file);
    if (whole) {
        __atomic_store_n(&writer->tail->magic, (uint64_t)0, __ATOMIC_RELEASE);
        shm_unlink(writer->tail_name);
    }
    munmap(writer->tail, sizeof *writer->tail);
    free(writer);
}
