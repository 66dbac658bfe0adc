#include "proto_scan.h"

#define VARINT_SIZE_MAX  10
#define FIELD_NUMBER_MAX 0x1fffffffu

static bool fail(struct proto_scan *scan, const char *why) {
    scan->why = why;
    scan->at = scan->end;
    return false;
}

static inline bool read_varint(struct proto_scan *scan, uint64_t *out) {
    uint64_t value = 0;
    if (scan->at < scan->end && *scan->at < 0x80) { /* nearly all tags and lengths */
        *out = *scan->at++;
        return true;
    }
    for (uint32_t index = 0; index < VARINT_SIZE_MAX; index++) {
        if (scan->at == scan->end) return fail(scan, "protobuf: message ends inside a varint");
        uint8_t byte = *scan->at++;
        if (index == VARINT_SIZE_MAX - 1 && byte > 1) break;
        value |= (uint64_t)(byte & 0x7f) << (7 * index);
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return fail(scan, "protobuf: varint longer than 64 bits");
}

bool proto_next(struct proto_scan *scan, struct proto_field *out) {
    if (scan->at == scan->end) return false;
    uint64_t tag;
    if (!read_varint(scan, &tag)) return false;
    if (tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX) return fail(scan, "protobuf: field number out of range");
    out->number = (uint32_t)(tag >> 3);
    out->wire = (uint32_t)(tag & 7);
    uint64_t size;
    switch (out->wire) {
    case PROTO_VARINT:
        return read_varint(scan, &out->value);
    case PROTO_BYTES:
        if (!read_varint(scan, &size)) return false;
        break;
    case PROTO_FIXED64:
        size = 8;
        break;
    case PROTO_FIXED32:
        size = 4;
        break;
    default:
        return fail(scan, "protobuf: group or unknown wire type");
    }
    if (size > (uint64_t)(scan->end - scan->at)) return fail(scan, "protobuf: field longer than its message");
    out->data = scan->at;
    out->size = (uint32_t)size;
    scan->at += size;
    return true;
}
