#include "journal_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../base/crc32c.h"

static uint32_t text_size_of_this_build(void) {
    ptrdiff_t size = journal_text_end - journal_text;
    assert(size > 0 && size <= (ptrdiff_t)JOURNAL_TEXT_SIZE_MAX);
    return (uint32_t)size;
}

int journal_file_path(const char *directory, uint64_t generation, uint32_t part, char out[JOURNAL_PATH_SIZE]) {
    if (generation > 9999999999u || part > 99999u) return ERROR_RANGE;
    int size = snprintf(out, JOURNAL_PATH_SIZE, "%s/%010" PRIu64 "-%05" PRIu32 ".aj", directory, generation, part);
    return size > 0 && size < JOURNAL_PATH_SIZE ? 0 : ERROR_RANGE;
}

static uint64_t padded(uint64_t size) {
    return (size + JOURNAL_RECORD_SIZE - 1) / JOURNAL_RECORD_SIZE * JOURNAL_RECORD_SIZE;
}

uint64_t journal_file_data_offset(uint32_t text_size) {
    return sizeof(struct journal_file_head) + padded(text_size);
}

uint32_t journal_file_seed(const struct journal_file_head *head, const char *text, uint32_t text_size) {
    struct journal_file_head unseeded = *head;
    unseeded.crc_seed = 0;
    return crc32c(crc32c(0, &unseeded, sizeof unseeded), text, text_size);
}

static int sync_directory(const char *directory) {
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return ERROR_SYSTEM;
    int result = fsync(fd) == 0 ? 0 : ERROR_SYSTEM;
    close(fd);
    return result;
}

static int write_whole(int fd, const void *data, size_t size, off_t offset) {
    const uint8_t *bytes = data;
    while (size > 0) {
        ssize_t written = pwrite(fd, bytes, size, offset);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return ERROR_SYSTEM;
        bytes += written;
        size -= (size_t)written;
        offset += written;
    }
    return 0;
}

static int write_head(int fd, const struct journal_file_head *head) {
    uint64_t area = padded(head->text_size);
    char *text = calloc(1, area);
    if (text == NULL) return ERROR_SYSTEM;
    memcpy(text, journal_text, head->text_size);
    int result = write_whole(fd, head, sizeof *head, 0);
    if (result == 0) result = write_whole(fd, text, area, sizeof *head);
    free(text);
    if (result == 0 && fsync(fd) != 0) result = ERROR_SYSTEM;
    return result;
}

/* Opens a new file with this head under its final name. Returns the descriptor or a negative code. */
static int create_part(const char *directory, const struct journal_file_head *head, struct error_trail *trail) {
    char path[JOURNAL_PATH_SIZE];
    char unfinished[JOURNAL_PATH_SIZE + 8];
    if (journal_file_path(directory, head->generation, head->part, path) != 0)
        return error_set(trail, ERROR_RANGE,
                         "journal path for generation %" PRIu64 " part %" PRIu32 " in %s: too long",
                         head->generation, head->part, directory);
    snprintf(unfinished, sizeof unfinished, "%s.new", path);
    if (access(path, F_OK) == 0) return error_set(trail, ERROR_BUSY, "journal file %s exists already", path);
    int fd = open(unfinished, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return error_set(trail, ERROR_SYSTEM, "journal file %s cannot be created: %s", path, strerror(errno));
    const char *present = unfinished;
    int result = write_head(fd, head);
    if (result == 0) result = rename(unfinished, path) == 0 ? 0 : ERROR_SYSTEM;
    if (result == 0) {
        present = path;
        result = sync_directory(directory);
    }
    if (result == 0) return fd;
    error_set(trail, result, "journal file %s cannot be begun: %s", path, strerror(errno));
    close(fd);
    unlink(present); /* else the next attempt would find it in its way */
    return result;
}

static void begin_part(struct journal_file *file, int fd, const struct journal_file_head *head) {
    file->fd = fd;
    file->part = head->part;
    file->generation = head->generation;
    file->size = journal_file_data_offset(head->text_size);
    file->last_seq = head->first_seq - 1;
    file->last_crc = head->crc_seed;
    file->dirty = false;
    file->head = *head;
}

int journal_file_create(struct journal_file *file, const char *directory, const struct journal_file_head *head,
                        struct error_trail *trail) {
    struct journal_file_head first = *head;
    first.magic = JOURNAL_MAGIC;
    first.first_seq = 1;
    first.record_size = JOURNAL_RECORD_SIZE;
    first.text_size = text_size_of_this_build();
    first.part = 0;
    first.crc_seed = journal_file_seed(&first, journal_text, first.text_size);
    int fd = create_part(directory, &first, trail);
    if (fd < 0) return fd;
    begin_part(file, fd, &first);
    file->sync_failed = false;
    return 0;
}

int journal_file_roll(struct journal_file *file, const char *directory, struct error_trail *trail) {
    int result = journal_file_sync(file, trail);
    if (result != 0) return result;
    struct journal_file_head next = file->head;
    next.part = file->part + 1;
    next.first_seq = file->last_seq + 1;
    next.crc_seed = file->last_crc;
    next.text_size = text_size_of_this_build();
    int fd = create_part(directory, &next, trail);
    if (fd < 0) return fd;
    close(file->fd);
    begin_part(file, fd, &next);
    return 0;
}

uint32_t journal_file_append(struct journal_file *file, const struct journal_record *records, uint32_t count,
                             struct error_trail *trail) {
    assert(file->fd >= 0);
    size_t wanted = (size_t)count * sizeof records[0];
    size_t written = 0;
    const uint8_t *bytes = (const uint8_t *)records;
    while (written < wanted) {
        ssize_t size = pwrite(file->fd, bytes + written, wanted - written, (off_t)(file->size + written));
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) {
            error_set(trail, ERROR_SYSTEM, "journal file %010" PRIu64 "-%05" PRIu32 ".aj cannot be written: %s",
                      file->generation, file->part, strerror(size < 0 ? errno : ENOSPC));
            break;
        }
        written += (size_t)size;
    }
    uint32_t whole = (uint32_t)(written / sizeof records[0]);
    if (whole > 0) {
        assert(records[0].seq == file->last_seq + 1);
        file->size += (uint64_t)whole * sizeof records[0];
        file->last_seq = records[whole - 1].seq;
        file->last_crc = records[whole - 1].crc32c;
        file->dirty = true;
    }
    return whole;
}

int journal_file_sync(struct journal_file *file, struct error_trail *trail) {
    if (file->sync_failed)
        return error_set(trail, ERROR_SYSTEM,
                         "an earlier sync of the journal failed: what the disk holds is unknown");
    if (!file->dirty) return 0;
    if (fdatasync(file->fd) != 0) {
        file->sync_failed = true;
        return error_set(trail, ERROR_SYSTEM, "journal file %010" PRIu64 "-%05" PRIu32 ".aj cannot be synced: %s",
                         file->generation, file->part, strerror(errno));
    }
    file->dirty = false;
    return 0;
}

void journal_file_close(struct journal_file *file) {
    if (file->fd >= 0) close(file->fd);
    file->fd = -1;
}
