#pragma once
/* Protobuf wire format, reading only: fields one after another out of a slice, nothing allocated, nothing recursive.
 * Deprecated groups, field number 0 and varints longer than ten bytes are refused. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum proto_wire { PROTO_VARINT = 0, PROTO_FIXED64 = 1, PROTO_BYTES = 2, PROTO_FIXED32 = 5 };

struct proto_scan {
    const uint8_t *at;
    const uint8_t *end;
    const char *why; /* NULL: no failure so far */
};

struct proto_field {
    uint32_t number;
    uint32_t wire;       /* enum proto_wire */
    uint64_t value;      /* VARINT */
    const uint8_t *data; /* BYTES */
    uint32_t size;
};

static inline void proto_begin(struct proto_scan *scan, const void *data, size_t size) {
    scan->at = data;
    scan->end = scan->at + size;
    scan->why = NULL;
}

/* The next field. False at the end of the slice or on failure (see why). */
bool proto_next(struct proto_scan *scan, struct proto_field *out);
