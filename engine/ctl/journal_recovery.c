#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_file.h"
#include "journal_reader.h"
#include "journal_ring.h"
#include "journal_tail.h"
#include "process.h"
#include "shm_names.h"

/* Private copy-on-write view: whatever happens here, the tail stays as its process left it. */
static int map_tail(const char *name, struct journal_tail **tail, struct error_trail *trail) {
    int fd = shm_open(name, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return error_set(trail, ERROR_SYSTEM, "journal tail %s cannot be opened: %s", name, strerror(errno));
    struct stat stat;
    int result = 0;
    void *memory = MAP_FAILED;
    if (fstat(fd, &stat) != 0)
        result = error_set(trail, ERROR_SYSTEM, "journal tail %s: %s", name, strerror(errno));
    else if (stat.st_uid != geteuid())
        result = error_set(trail, ERROR_REFUSED, "journal tail %s belongs to uid %u: expected %u", name,
                           (unsigned)stat.st_uid, (unsigned)geteuid());
    else if ((uint64_t)stat.st_size < sizeof **tail)
        *tail = NULL; /* its process died while it was being made: nothing was ever appended */
    else if ((memory = mmap(NULL, sizeof **tail, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
        result = error_set(trail, ERROR_SYSTEM, "journal tail %s cannot be mapped: %s", name, strerror(errno));
    else
        *tail = memory;
    close(fd);
    return result;
}

/* Opens the file in which the chain ends, at the end of its last whole record. */
static int open_end(struct journal_file *file, const char *directory, const struct journal_tail *tail,
                    const struct journal_place *place, struct error_trail *trail) {
    char path[JOURNAL_PATH_SIZE];
    int result = journal_file_path(directory, tail->head.generation, place->part, path);
    if (result != 0) return error_set(trail, result, "journal directory %s: path too long", directory);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return error_set(trail, ERROR_SYSTEM, "journal file %s cannot be opened: %s", path, strerror(errno));
    *file = (struct journal_file){.fd = fd,
                                  .part = place->part,
                                  .generation = tail->head.generation,
                                  .size = place->offset,
                                  .last_seq = place->last_seq,
                                  .last_crc = place->last_crc,
                                  .head = tail->head};
    return 0;
}

/* Walks the files of the generation to the end of their chain; makes part 0 again when it is not there. */
static int find_end(struct journal_file *file, const char *directory, const struct journal_tail *tail,
                    struct error_trail *trail) {
    struct error_trail why = {0};
    struct journal_reader *reader = journal_reader_open(directory, tail->head.generation, &why);
    if (reader == NULL && why.code == ERROR_NOT_FOUND)
        return journal_file_create(file, directory, &tail->head, trail);
    if (reader == NULL) return error_set(trail, why.code, "%s", why.text);
    struct journal_record record;
    struct journal_place place;
    int result;
    do
        result = journal_reader_next(reader, &record);
    while (result > 0);
    if (result == 0) result = journal_reader_place(reader, &place);
    journal_reader_close(reader);
    if (result != 0)
        return error_set(trail, result, "journal of generation %" PRIu64 " cannot be read: %s",
                         tail->head.generation, strerror(errno));
    /* What follows a damaged part cannot be mended from the tail: cutting it off would lose what is still good. */
    if (place.last_seq < tail->disk_seq && !place.last_part)
        return error_set(trail, ERROR_MISMATCH,
                         "journal of generation %" PRIu64 ": damaged after record %" PRIu64 " of %" PRIu64
                         ", in a part that others follow; files and tail are kept",
                         tail->head.generation, place.last_seq, tail->disk_seq);
    return open_end(file, directory, tail, &place, trail);
}

/* Greatest seq up to which the tail continues the file without a hole or a damaged record. */
static uint64_t last_whole(const struct journal_file *file, const struct journal_tail *tail) {
    uint32_t crc = file->last_crc;
    uint64_t seq = file->last_seq;
    while (seq < tail->head_seq) {
        const struct journal_record *record = journal_tail_slot(tail, seq + 1);
        if (!journal_record_is_next(record, tail->head.generation, seq + 1, crc)) break;
        crc = record->crc32c;
        seq++;
    }
    return seq;
}

/* Appends the records of the tail that are not in the file; stops at the first one that is not whole. The file may
 * grow beyond its usual size: a new part would carry this build's header text, not the one of its records. */
static int append_missing(struct journal_file *file, const struct journal_tail *tail, struct error_trail *trail) {
    uint64_t last = last_whole(file, tail);
    if (last < tail->disk_seq)
        return error_set(trail, ERROR_MISMATCH,
                         "journal of generation %" PRIu64 ": record %" PRIu64 " of %" PRIu64
                         " is damaged on disk and in the tail; files and tail are kept",
                         tail->head.generation, last + 1, tail->disk_seq);
    if (ftruncate(file->fd, (off_t)file->size) != 0)
        return error_set(trail, ERROR_SYSTEM, "the torn end of the journal cannot be cut: %s", strerror(errno));
    for (uint64_t seq = file->last_seq + 1; seq <= last; seq++) {
        if (journal_file_append(file, journal_tail_slot(tail, seq), 1, trail) != 1) return ERROR_SYSTEM;
    }
    file->dirty = true;
    return journal_file_sync(file, trail);
}

static int check_tail(const struct journal_tail *tail, const char *name, uint64_t generation,
                      struct error_trail *trail) {
    if (tail->magic != JOURNAL_TAIL_MAGIC || tail->record_count != JOURNAL_TAIL_RECORDS)
        return error_set(trail, ERROR_MISMATCH, "journal tail %s was left by another version of the engine: %s",
                         name, "start that version once, or remove the tail by hand and reconcile with the venues");
    if (tail->head.generation != generation || tail->head.record_size != JOURNAL_RECORD_SIZE)
        return error_set(trail, ERROR_MISMATCH, "journal tail %s holds generation %" PRIu64, name,
                         tail->head.generation);
    if (tail->head_seq < tail->disk_seq || tail->head_seq - tail->disk_seq > JOURNAL_TAIL_RECORDS)
        return error_set(trail, ERROR_MISMATCH,
                         "journal tail %s: counters make no sense (%" PRIu64 ", %" PRIu64 ")", name, tail->head_seq,
                         tail->disk_seq);
    bool alive = tail->pid != (uint32_t)getpid() && process_is_alive((pid_t)tail->pid, tail->pid_start_ticks);
    if (alive)
        return error_set(trail, ERROR_BUSY, "journal tail %s belongs to the running process %" PRIu32, name,
                         tail->pid);
    return 0;
}

static int recover_one(const char *instance, const char *directory, uint64_t generation,
                       struct error_trail *trail) {
    char name[SHM_NAME_SIZE];
    int result = shm_name_make(instance, generation, JOURNAL_TAIL_SUFFIX, name);
    if (result != 0) return result;
    struct journal_tail *tail = NULL;
    result = map_tail(name, &tail, trail);
    if (result != 0) return result;
    /* Without magic no record was appended: born dead, or cleared after everything was on disk. */
    if (tail != NULL && tail->magic != 0) {
        struct journal_file file = {.fd = -1};
        result = check_tail(tail, name, generation, trail);
        if (result == 0) result = find_end(&file, directory, tail, trail);
        if (result == 0) result = append_missing(&file, tail, trail);
        journal_file_close(&file);
    }
    if (tail != NULL) munmap(tail, sizeof *tail);
    if (result == 0) shm_unlink(name);
    return result;
}

int journal_recover_tails(const char *instance, const char *directory, struct error_trail *trail) {
    if (!instance_name_is_valid(instance))
        return error_set(trail, ERROR_BAD, "instance = \"%s\": allowed are 1 to 31 of a-z, 0-9 and _", instance);
    uint64_t generation[SHM_SCAN_MAX];
    size_t count = shm_names_scan(instance, JOURNAL_TAIL_SUFFIX, generation, SHM_SCAN_MAX);
    for (size_t i = 0; i < count; i++) {
        int result = recover_one(instance, directory, generation[i], trail);
        if (result != 0) return result;
    }
    return 0;
}
