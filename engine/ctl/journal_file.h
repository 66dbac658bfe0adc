#pragma once
/* Files of the journal: names, heads, appending. Layout: struct journal_file_head, the text of journal.h padded with
 * zeros to a multiple of 256, then records. A file appears under its name with its whole head (temporary file,
 * fsync, rename). The seed of part 0 is the CRC of its own head (seed field zero) and text; of part n, the CRC of the
 * last record of part n - 1: no part can be altered, exchanged or left out unnoticed. */
#include <stdbool.h>
#include <stdint.h>

#include "../base/error.h"
#include "../journal.h"

#define JOURNAL_PATH_SIZE     4096
#define JOURNAL_TEXT_SIZE_MAX (1u << 20)

extern const char journal_text[]; /* text of journal.h, journal_text_size bytes */
extern const char journal_text_end[];

struct journal_file {
    int fd; /* -1: none */
    uint32_t part;
    uint64_t generation;
    uint64_t size;     /* bytes up to the end of the last whole record */
    uint64_t last_seq; /* seq of that record, first_seq - 1 in an empty file */
    uint32_t last_crc; /* of that record; the seed in an empty file */
    bool dirty;        /* written since the last sync */
    bool sync_failed;  /* once: what the disk holds is not known any more, so no later sync may claim success */
    struct journal_file_head head;
};

/* <directory>/<generation, 10 digits>-<part, 5 digits>.aj; ERROR_RANGE when it does not fit. */
int journal_file_path(const char *directory, uint64_t generation, uint32_t part, char out[JOURNAL_PATH_SIZE]);
/* Bytes from the start of a file to its first record. */
uint64_t journal_file_data_offset(uint32_t text_size);
/* CRC that a part 0 with this head and text must have as its seed. */
uint32_t journal_file_seed(const struct journal_file_head *head, const char *text, uint32_t text_size);

/* Part 0 of a generation; ERROR_BUSY when it exists. wall_offset_ns, instance and version come from `head`. */
int journal_file_create(struct journal_file *file, const char *directory, const struct journal_file_head *head,
                        struct error_trail *trail);
/* Syncs and closes the current part and begins the next one. On failure the current part stays open. */
int journal_file_roll(struct journal_file *file, const char *directory, struct error_trail *trail);
/* Writes `count` records that follow last_seq. Returns how many got there whole (fewer than count with a trail that
 * says why; 0 .. count), and continues at the record boundary next time. */
uint32_t journal_file_append(struct journal_file *file, const struct journal_record *records, uint32_t count,
                             struct error_trail *trail);
int journal_file_sync(struct journal_file *file, struct error_trail *trail);
void journal_file_close(struct journal_file *file);
