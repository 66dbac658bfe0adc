#pragma once
/* Layout of the tail in shared memory, shared by the thread that appends, the writer and the recovery.
 *
 *   record[(seq - 1) % JOURNAL_TAIL_RECORDS] holds seq; those with disk_seq < seq <= head_seq are needed.
 *
 * head_seq is advanced after the record is whole, so a process killed mid-append leaves at most a record that nobody
 * counts. disk_seq is advanced after the write() that carries the record. */
#include <stdbool.h>
#include <stdint.h>

#include "journal_tail.h"

#define JOURNAL_TAIL_MAGIC  0x314c494154425241 /* "ARBTAIL1": another layout is another number */
#define JOURNAL_TAIL_SUFFIX "-tail"

struct journal_tail {
    uint64_t magic; /* stored last, after the first file has its head; cleared first */
    uint64_t pid_start_ticks;
    uint32_t pid;
    uint32_t record_count;
    struct journal_file_head head; /* of part 0, as in the file */

    _Alignas(64) uint64_t head_seq; /* last record appended; hot thread writes */
    uint64_t disk_seq_seen;         /* hot thread's copy of disk_seq, read again only when the ring looks full */
    uint32_t last_crc;              /* hot thread only */

    _Alignas(64) uint64_t disk_seq; /* last record written to a file; control thread writes */

    _Alignas(64) struct journal_record record[JOURNAL_TAIL_RECORDS];
};

static inline const struct journal_record *journal_tail_slot(const struct journal_tail *tail, uint64_t seq) {
    return &tail->record[(seq - 1) % JOURNAL_TAIL_RECORDS];
}

/* CRC of a record that follows one with the CRC `previous`. */
uint32_t journal_record_crc(uint32_t previous, const struct journal_record *record);
/* True when the record is number `seq` of the generation and its CRC follows `previous`. */
bool journal_record_is_next(const struct journal_record *record, uint64_t generation, uint64_t seq,
                            uint32_t previous);
