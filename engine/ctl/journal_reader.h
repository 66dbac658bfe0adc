#pragma once
/* What the recovery needs to know of a reader beyond journal_tail.h: where it stands in the files. */
#include <stdbool.h>
#include <stdint.h>

#include "journal_tail.h"

struct journal_place {
    uint32_t part;
    uint32_t last_crc;    /* of the last record read, the seed when there is none */
    uint64_t last_seq;    /* 0: none */
    uint64_t offset;      /* in this part, of the first byte after that record */
    uint64_t bytes_after; /* in this part */
    bool last_part;       /* no part follows */
};

/* 0 or ERROR_SYSTEM. */
int journal_reader_place(const struct journal_reader *reader, struct journal_place *out);
