#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_file.h"
#include "journal_layout.h"
#include "journal_reader.h"
#include "journal_ring.h"
#include "journal_tail.h"

#define BUFFER_RECORDS 1024u

struct journal_reader {
    char directory[JOURNAL_PATH_SIZE];
    uint64_t generation;
    int fd;
    uint32_t part;
    struct journal_file_head head; /* of part 0 */
    char *text;                    /* of part 0 */
    enum journal_layout layout;
    uint64_t offset; /* in the file, of the first byte not yet in the buffer */
    uint64_t last_seq;
    uint32_t last_crc;
    bool torn;
    uint32_t buffered;
    uint32_t taken;
    struct journal_record buffer[BUFFER_RECORDS];
};

/* Bytes read (less at the end of the file), or -1. */
static ssize_t read_at(int fd, void *out, size_t size, uint64_t offset) {
    uint8_t *bytes = out;
    size_t got = 0;
    while (got < size) {
        ssize_t part = pread(fd, bytes + got, size - got, (off_t)(offset + got));
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return -1;
        if (part == 0) break;
        got += (size_t)part;
    }
    return (ssize_t)got;
}

/* 0, ERROR_NOT_FOUND, ERROR_SYSTEM, or ERROR_BAD for something that is no part of this generation's journal. */
static int open_part(const struct journal_reader *reader, uint32_t part, struct journal_file_head *head,
                     char **text) {
    char path[JOURNAL_PATH_SIZE];
    if (journal_file_path(reader->directory, reader->generation, part, path) != 0) return ERROR_NOT_FOUND;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return errno == ENOENT ? ERROR_NOT_FOUND : ERROR_SYSTEM;
    int result = ERROR_BAD;
    *text = NULL;
    if (read_at(fd, head, sizeof *head, 0) != (ssize_t)sizeof *head || head->magic != JOURNAL_MAGIC) goto out;
    if (head->generation != reader->generation || head->part != part) goto out;
    if (head->record_size != JOURNAL_RECORD_SIZE || head->text_size > JOURNAL_TEXT_SIZE_MAX) goto out;
    *text = calloc(1, (size_t)head->text_size + 1);
    if (*text == NULL) {
        result = ERROR_SYSTEM;
        goto out;
    }
    if (read_at(fd, *text, head->text_size, sizeof *head) != (ssize_t)head->text_size) goto out;
    return fd;
out:
    free(*text);
    *text = NULL;
    close(fd);
    return result;
}

static bool is_whole_first_part(const struct journal_file_head *head, const char *text) {
    return head->first_seq == 1 && head->crc_seed == journal_file_seed(head, text, head->text_size);
}

/* A later part says the same as part 0 except for its place in the chain. */
static bool continues(const struct journal_reader *reader, const struct journal_file_head *head, const char *text) {
    struct journal_file_head expected = reader->head;
    expected.part = reader->part + 1;
    expected.first_seq = reader->last_seq + 1;
    expected.crc_seed = reader->last_crc;
    return memcmp(head, &expected, sizeof expected) == 0 && memcmp(text, reader->text, head->text_size) == 0;
}

struct journal_reader *journal_reader_open(const char *directory, uint64_t generation, struct error_trail *trail) {
    struct journal_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        error_set(trail, ERROR_SYSTEM, "no memory for a journal reader");
        return NULL;
    }
    snprintf(reader->directory, sizeof reader->directory, "%s", directory);
    reader->generation = generation;
    reader->fd = open_part(reader, 0, &reader->head, &reader->text);
    if (reader->fd >= 0 && is_whole_first_part(&reader->head, reader->text)) {
        reader->offset = journal_file_data_offset(reader->head.text_size);
        reader->last_crc = reader->head.crc_seed;
        reader->layout = journal_layout_of(reader->text);
        return reader;
    }
    int code = reader->fd >= 0 ? ERROR_BAD : reader->fd;
    error_set(trail, code, "journal of generation %" PRIu64 " in %s: %s", generation, directory,
              code == ERROR_NOT_FOUND ? "there is none"
              : code == ERROR_BAD     ? "the head of its first file is damaged or of another format"
                                      : strerror(errno));
    journal_reader_close(reader);
    return NULL;
}

/* 1: moved to the next part, 0: there is none, ERROR_BAD: it does not continue this one. */
static int next_part(struct journal_reader *reader) {
    struct journal_file_head head;
    char *text = NULL;
    int fd = open_part(reader, reader->part + 1, &head, &text);
    if (fd == ERROR_NOT_FOUND) return 0;
    if (fd < 0) return fd;
    if (!continues(reader, &head, text)) {
        free(text);
        close(fd);
        return ERROR_BAD;
    }
    free(text);
    close(reader->fd);
    reader->fd = fd;
    reader->part++;
    reader->offset = journal_file_data_offset(head.text_size);
    return 1;
}

/* 1: the buffer holds records, 0: end, negative: I/O error. Bytes that are no whole record tear the journal. */
static int fill_buffer(struct journal_reader *reader) {
    reader->taken = 0;
    reader->buffered = 0;
    for (;;) {
        ssize_t size = read_at(reader->fd, reader->buffer, sizeof reader->buffer, reader->offset);
        if (size < 0) return ERROR_SYSTEM;
        reader->buffered = (uint32_t)((size_t)size / JOURNAL_RECORD_SIZE);
        if (reader->buffered > 0) {
            reader->offset += (uint64_t)reader->buffered * JOURNAL_RECORD_SIZE;
            return 1;
        }
        if (size > 0) reader->torn = true;
        if (reader->torn) return 0;
        int moved = next_part(reader);
        if (moved == ERROR_SYSTEM) return ERROR_SYSTEM;
        if (moved < 0) reader->torn = true;
        if (moved <= 0) return 0;
    }
}

int journal_reader_next(struct journal_reader *reader, struct journal_record *out) {
    if (reader->torn) return 0;
    if (reader->taken == reader->buffered) {
        int filled = fill_buffer(reader);
        if (filled <= 0) return filled;
    }
    const struct journal_record *record = &reader->buffer[reader->taken];
    if (!journal_record_is_next(record, reader->generation, reader->last_seq + 1, reader->last_crc)) {
        reader->torn = true;
        return 0;
    }
    reader->taken++;
    reader->last_seq = record->seq;
    reader->last_crc = record->crc32c;
    *out = *record;
    journal_layout_to_now(reader->layout, out);
    return 1;
}

const struct journal_file_head *journal_reader_head(const struct journal_reader *reader) {
    return &reader->head;
}

bool journal_reader_is_ours(const struct journal_reader *reader) {
    size_t size = (size_t)(journal_text_end - journal_text);
    return strlen(reader->text) == size && memcmp(reader->text, journal_text, size) == 0;
}

bool journal_reader_torn(const struct journal_reader *reader) {
    return reader->torn;
}

void journal_reader_close(struct journal_reader *reader) {
    if (reader == NULL) return;
    if (reader->fd >= 0) close(reader->fd);
    free(reader->text);
    free(reader);
}

int journal_reader_place(const struct journal_reader *reader, struct journal_place *out) {
    struct stat stat;
    if (fstat(reader->fd, &stat) != 0) return ERROR_SYSTEM;
    out->part = reader->part;
    out->last_seq = reader->last_seq;
    out->last_crc = reader->last_crc;
    out->offset = reader->offset - (uint64_t)(reader->buffered - reader->taken) * JOURNAL_RECORD_SIZE;
    out->bytes_after = (uint64_t)stat.st_size > out->offset ? (uint64_t)stat.st_size - out->offset : 0;
    char path[JOURNAL_PATH_SIZE];
    out->last_part = journal_file_path(reader->directory, reader->generation, reader->part + 1, path) != 0 ||
                     access(path, F_OK) != 0;
    return 0;
}

static bool has_snapshot(const char *directory, uint64_t generation) {
    struct journal_reader *reader = journal_reader_open(directory, generation, NULL);
    if (reader == NULL) return false;
    struct journal_record record;
    bool found = false;
    while (!found && journal_reader_next(reader, &record) > 0)
        found = record.type == JOURNAL_SNAPSHOT_END;
    journal_reader_close(reader);
    return found;
}

/* Generation of a part 0, 0 for any other name. */
static uint64_t generation_of(const char *name) {
    uint64_t generation = 0;
    for (int i = 0; i < 10; i++) {
        if (name[i] < '0' || name[i] > '9') return 0;
        generation = generation * 10 + (uint64_t)(name[i] - '0');
    }
    return strcmp(name + 10, "-00000.aj") == 0 ? generation : 0;
}

uint64_t journal_latest_generation(const char *directory) {
    /* One pass per candidate, from the greatest down: nearly always the first one is it, and no list needs memory. */
    for (uint64_t below = UINT64_MAX;;) {
        DIR *entries = opendir(directory);
        if (entries == NULL) return 0;
        uint64_t candidate = 0;
        for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
            uint64_t generation = generation_of(entry->d_name);
            if (generation < below && generation > candidate) candidate = generation;
        }
        closedir(entries);
        if (candidate == 0 || has_snapshot(directory, candidate)) return candidate;
        below = candidate;
    }
}
