#include "ws.h"

#include <assert.h>
#include <string.h>

#include "../base/error.h"
#include "utf8.h"

#define BIT_FIN           0x80u
#define BITS_RESERVED     0x70u
#define BITS_OPCODE       0x0fu
#define BIT_MASK          0x80u
#define BITS_LENGTH       0x7fu
#define LENGTH_16         126u
#define LENGTH_64         127u
#define OPCODES_KNOWN     0x0707u /* a bit for each of 0, 1, 2, 8, 9, 10 */
#define CONTROL_FIRST     8u
#define CONTROL_SIZE_MAX  125u
#define CODE_PROTOCOL     1002
#define CODE_INVALID_DATA 1007
#define CODE_TOO_BIG      1009
#define CODE_NONE         1005

struct frame {
    unsigned opcode;
    bool final;
    size_t header_size;
    size_t size; /* of the payload */
    const uint8_t *payload;
};

void ws_parser_init(struct ws_parser *parser, uint8_t *fragment_buffer) {
    *parser = (struct ws_parser){.fragments = fragment_buffer, .size_max = WS_MESSAGE_SIZE_MAX};
}

static int fail(struct ws_parser *parser, uint16_t close_code, const char *error) {
    parser->error = error;
    parser->close_code = close_code;
    return ERROR_BAD;
}

/* Bytes before the payload for this second byte; a server's frame has no mask. */
static size_t header_size(uint8_t second) {
    unsigned length = second & BITS_LENGTH;
    return length < LENGTH_16 ? 2 : length == LENGTH_16 ? 4 : 10;
}

static int check_first_bytes(struct ws_parser *parser, const uint8_t *data, struct frame *frame) {
    frame->opcode = data[0] & BITS_OPCODE;
    frame->final = (data[0] & BIT_FIN) != 0;
    if ((data[0] & BITS_RESERVED) != 0)
        return fail(parser, CODE_PROTOCOL, "reserved bit set, no extension granted");
    if ((OPCODES_KNOWN >> frame->opcode & 1u) == 0) return fail(parser, CODE_PROTOCOL, "reserved opcode");
    if ((data[1] & BIT_MASK) != 0) return fail(parser, CODE_PROTOCOL, "masked frame from a server");
    if (frame->opcode >= CONTROL_FIRST) {
        if (!frame->final) return fail(parser, CODE_PROTOCOL, "fragmented control frame");
        if ((data[1] & BITS_LENGTH) > CONTROL_SIZE_MAX)
            return fail(parser, CODE_PROTOCOL, "control frame over 125 bytes");
    } else if (frame->opcode == WS_CONTINUATION && !parser->in_message) {
        return fail(parser, CODE_PROTOCOL, "continuation without a message");
    } else if (frame->opcode != WS_CONTINUATION && parser->in_message) {
        return fail(parser, CODE_PROTOCOL, "new message inside a fragmented one");
    }
    return 0;
}

static int read_length(struct ws_parser *parser, const uint8_t *data, struct frame *frame) {
    uint64_t length = data[1] & BITS_LENGTH;
    if (length == LENGTH_16) {
        length = (uint64_t)data[2] << 8 | data[3];
        if (length < LENGTH_16) return fail(parser, CODE_PROTOCOL, "length not in its shortest form");
    } else if (length == LENGTH_64) {
        memcpy(&length, data + 2, sizeof length);
        length = __builtin_bswap64(length);
        if (length >> 63 != 0) return fail(parser, CODE_PROTOCOL, "length with the highest bit set");
        if (length <= UINT16_MAX) return fail(parser, CODE_PROTOCOL, "length not in its shortest form");
    }
    size_t before = frame->opcode == WS_CONTINUATION ? parser->fragments_size : 0;
    if (length > parser->size_max - before) return fail(parser, CODE_TOO_BIG, "message over 1 MiB");
    frame->size = (size_t)length;
    return 0;
}

static int fail_text(struct ws_parser *parser) {
    return fail(parser, CODE_INVALID_DATA, "text is not UTF-8");
}

/* A message of one frame, where it lies. */
static int read_whole(struct ws_parser *parser, const struct frame *frame, struct ws_event *out) {
    bool binary = frame->opcode == WS_BINARY;
    if (!binary && !utf8_is_valid(frame->payload, frame->size)) return fail_text(parser);
    parser->valid = 0;
    *out = (struct ws_event){
        .kind = WS_EVENT_MESSAGE, .binary = binary, .payload = frame->payload, .size = frame->size};
    return 0;
}

/* Codes that may stand in a close frame (RFC 6455 7.4 and the IANA registry). */
static bool close_code_is_valid(uint16_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static int read_close(struct ws_parser *parser, const struct frame *frame, struct ws_event *out) {
    *out = (struct ws_event){.kind = WS_EVENT_CLOSE, .close_code = CODE_NONE, .payload = frame->payload};
    if (frame->size == 0) return 0;
    if (frame->size == 1) return fail(parser, CODE_PROTOCOL, "close frame of one byte");
    out->close_code = (uint16_t)(frame->payload[0] << 8 | frame->payload[1]);
    if (!close_code_is_valid(out->close_code)) return fail(parser, CODE_PROTOCOL, "close code not allowed");
    out->payload = frame->payload + 2;
    out->size = frame->size - 2;
    if (!utf8_is_valid(out->payload, out->size))
        return fail(parser, CODE_INVALID_DATA, "close reason is not UTF-8");
    return 0;
}

static int read_control(struct ws_parser *parser, const struct frame *frame, struct ws_event *out) {
    if (frame->opcode == WS_CLOSE) return read_close(parser, frame, out);
    *out = (struct ws_event){.kind = frame->opcode == WS_PING ? WS_EVENT_PING : WS_EVENT_PONG,
                             .payload = frame->payload,
                             .size = frame->size};
    return 0;
}

/* Joins what is there of a fragment to those before, and looks at the text so far. */
static int take_fragment(struct ws_parser *parser, const struct frame *frame, size_t there) {
    bool first = frame->opcode != WS_CONTINUATION, bad = false;
    size_t before = first ? 0 : parser->fragments_size;
    assert(before + frame->size <= parser->size_max);
    memcpy(parser->fragments + before + parser->taken, frame->payload + parser->taken, there - parser->taken);
    parser->taken = there;
    if (first ? frame->opcode == WS_BINARY : parser->binary) return 0;
    parser->valid += utf8_prefix(parser->fragments + parser->valid, before + there - parser->valid, &bad);
    return bad ? fail_text(parser) : 0;
}

static int read_fragment(struct ws_parser *parser, const struct frame *frame, struct ws_event *out) {
    int code = take_fragment(parser, frame, frame->size);
    if (code != 0) return code;
    if (frame->opcode != WS_CONTINUATION) {
        parser->in_message = true;
        parser->binary = frame->opcode == WS_BINARY;
        parser->fragments_size = 0;
    }
    parser->taken = 0;
    parser->fragments_size += frame->size;
    out->kind = 0;
    if (!frame->final) return 0;
    size_t size = parser->fragments_size;
    if (!parser->binary && parser->valid != size) return fail_text(parser);
    parser->in_message = false;
    parser->fragments_size = parser->valid = 0;
    *out = (struct ws_event){
        .kind = WS_EVENT_MESSAGE, .binary = parser->binary, .payload = parser->fragments, .size = size};
    return 0;
}

/* `there` bytes of a payload that is not whole: bad text is refused without waiting for the rest. */
static int read_part(struct ws_parser *parser, const struct frame *frame, size_t there) {
    bool bad = false;
    int code = 0;
    if (frame->opcode >= CONTROL_FIRST) return ERROR_NEED_MORE;
    if (!frame->final || frame->opcode == WS_CONTINUATION) {
        code = take_fragment(parser, frame, there);
    } else if (frame->opcode == WS_TEXT) {
        parser->valid += utf8_prefix(frame->payload + parser->valid, there - parser->valid, &bad);
        if (bad) code = fail_text(parser);
    }
    return code == 0 ? ERROR_NEED_MORE : code;
}

/* What nearly every frame is: a whole message, all there, below 64 KiB. Its head is read without a branch on which of
 * the two forms of length it has. False: not so, nothing is said about the frame. */
static inline bool simple_frame(const struct ws_parser *parser, const uint8_t *data, size_t size,
                                struct frame *frame) {
    if (size < 4 || parser->in_message || data[1] > LENGTH_16) return false;
    if (data[0] != (BIT_FIN | WS_TEXT) && data[0] != (BIT_FIN | WS_BINARY)) return false;
    bool longer = data[1] == LENGTH_16;
    size_t length = longer ? (size_t)data[2] << 8 | data[3] : data[1];
    frame->opcode = data[0] & BITS_OPCODE;
    frame->header_size = longer ? 4 : 2;
    frame->size = length;
    frame->payload = data + frame->header_size;
    return (!longer | (length >= LENGTH_16)) && length <= parser->size_max && size - frame->header_size >= length;
}

int64_t ws_parse(struct ws_parser *parser, const uint8_t *data, size_t size, struct ws_event *out, size_t *need) {
    struct frame frame;
    int code;
    *need = 0;
    if (__builtin_expect(simple_frame(parser, data, size, &frame), 1)) {
        code = read_whole(parser, &frame, out);
        if (code == 0) return (int64_t)(frame.header_size + frame.size);
        out->kind = 0;
        return code;
    }
    out->kind = 0;
    if (size < 2) return ERROR_NEED_MORE;
    code = check_first_bytes(parser, data, &frame);
    if (code != 0) return code;
    frame.header_size = header_size(data[1]);
    if (size < frame.header_size) return ERROR_NEED_MORE;
    code = read_length(parser, data, &frame);
    if (code != 0) return code;
    size_t used = frame.header_size + frame.size;
    frame.payload = data + frame.header_size;
    if (size < used) {
        *need = used;
        return read_part(parser, &frame, size - frame.header_size);
    }
    if (frame.opcode >= CONTROL_FIRST)
        code = read_control(parser, &frame, out);
    else if (frame.final && frame.opcode != WS_CONTINUATION)
        code = read_whole(parser, &frame, out);
    else
        code = read_fragment(parser, &frame, out);
    if (code == 0) return (int64_t)used;
    out->kind = 0;
    return code;
}

/* Sixteen bytes of any alignment, as the compiler's own vector. */
typedef uint32_t block __attribute__((vector_size(16), aligned(1), may_alias));

static inline void mask_block(uint8_t *out, const uint8_t *payload, uint32_t mask) {
    block masks = {mask, mask, mask, mask};
    *(block *)(void *)out = *(const block *)(const void *)payload ^ masks;
}

/* The mask's bytes in memory order are its bytes on the wire, so copies of it side by side mask a block. The last block
 * overlaps the one before and gives the same bytes again, with the mask turned to where it begins. */
static void mask_copy(uint8_t *out, const uint8_t *payload, size_t size, uint32_t mask) {
    uint8_t mask_bytes[2 * sizeof mask];
    memcpy(mask_bytes, &mask, sizeof mask);
    memcpy(mask_bytes + sizeof mask, &mask, sizeof mask);
    if (size < sizeof(block)) {
        for (size_t at = 0; at < size; at++)
            out[at] = payload[at] ^ mask_bytes[at & 3];
        return;
    }
    size_t last = size - sizeof(block);
    for (size_t at = 0; at < last; at += sizeof(block))
        mask_block(out + at, payload + at, mask);
    uint32_t turned;
    memcpy(&turned, mask_bytes + (last & 3), sizeof turned);
    mask_block(out + last, payload + last, turned);
}

int64_t ws_encode(enum ws_opcode opcode, const uint8_t *payload, size_t size, uint32_t mask, uint8_t *out,
                  size_t cap) {
    assert(opcode < CONTROL_FIRST || size <= CONTROL_SIZE_MAX);
    size_t length_size = size < LENGTH_16 ? 0 : size <= UINT16_MAX ? 2 : 8;
    size_t head_size = 2 + length_size + sizeof mask;
    if (cap < head_size || cap - head_size < size) return ERROR_FULL;
    out[0] = (uint8_t)(BIT_FIN | (unsigned)opcode);
    if (length_size == 0) {
        out[1] = (uint8_t)(BIT_MASK | size);
    } else if (length_size == 2) {
        out[1] = BIT_MASK | LENGTH_16;
        out[2] = (uint8_t)(size >> 8);
        out[3] = (uint8_t)size;
    } else {
        uint64_t length = __builtin_bswap64((uint64_t)size);
        out[1] = BIT_MASK | LENGTH_64;
        memcpy(out + 2, &length, sizeof length);
    }
    memcpy(out + 2 + length_size, &mask, sizeof mask);
    if (size > 0) mask_copy(out + head_size, payload, size, mask);
    return (int64_t)(head_size + size);
}

int64_t ws_encode_close(uint16_t code, uint32_t mask, uint8_t *out, size_t cap) {
    /* 1005 says "no code was given" and may not be sent: its answer is a close frame without a code. */
    if (code == CODE_NONE) return ws_encode(WS_CLOSE, NULL, 0, mask, out, cap);
    assert(close_code_is_valid(code));
    uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    return ws_encode(WS_CLOSE, payload, sizeof payload, mask, out, cap);
}
