#include "journal_tail.h"

#include <assert.h>
#include <string.h>

#include "../base/crc32c.h"
#include "journal_ring.h"

uint32_t journal_record_crc(uint32_t previous, const struct journal_record *record) {
    struct journal_record unsealed = *record;
    unsealed.crc32c = 0;
    return crc32c(previous, &unsealed, sizeof unsealed);
}

bool journal_record_is_next(const struct journal_record *record, uint64_t generation, uint64_t seq,
                            uint32_t previous) {
    return record->seq == seq && record->generation == generation &&
           record->crc32c == journal_record_crc(previous, record);
}

/* Room as the hot thread knows it; asks the control thread's line only when its own copy says "full". */
static uint64_t tail_room(struct journal_tail *tail) {
    uint64_t used = tail->head_seq - tail->disk_seq_seen;
    if (used < JOURNAL_TAIL_RECORDS) return JOURNAL_TAIL_RECORDS - used;
    tail->disk_seq_seen = __atomic_load_n(&tail->disk_seq, __ATOMIC_ACQUIRE);
    return JOURNAL_TAIL_RECORDS - (tail->head_seq - tail->disk_seq_seen);
}

int journal_append(struct journal_tail *tail, struct journal_record *record) {
    assert(tail->magic == JOURNAL_TAIL_MAGIC);
    if (tail_room(tail) == 0) return ERROR_FULL;
    record->seq = tail->head_seq + 1;
    record->generation = tail->head.generation;
    record->crc32c = 0;
    record->crc32c = crc32c(tail->last_crc, record, sizeof *record);
    memcpy(&tail->record[(record->seq - 1) % JOURNAL_TAIL_RECORDS], record, sizeof *record);
    tail->last_crc = record->crc32c;
    __atomic_store_n(&tail->head_seq, record->seq, __ATOMIC_RELEASE);
    return 0;
}

uint64_t journal_last_seq(const struct journal_tail *tail) {
    return __atomic_load_n(&tail->head_seq, __ATOMIC_ACQUIRE);
}

uint64_t journal_disk_seq(const struct journal_tail *tail) {
    return __atomic_load_n(&tail->disk_seq, __ATOMIC_ACQUIRE);
}

uint32_t journal_free(const struct journal_tail *tail) {
    uint64_t disk_seq = __atomic_load_n(&tail->disk_seq, __ATOMIC_ACQUIRE);
    return (uint32_t)(JOURNAL_TAIL_RECORDS - (__atomic_load_n(&tail->head_seq, __ATOMIC_RELAXED) - disk_seq));
}
