/* WebSocket frames: a stream read in one piece and in pieces gives the same events or is refused. */
#include "base/error.h"
#include "fuzz.h"
#include "net/ws.h"

#define EVENTS_MAX 64

struct outcome {
    uint32_t count;
    int64_t code; /* what ended it: ERROR_NEED_MORE or ERROR_BAD */
    uint16_t close_code;
    uint64_t digest; /* of all events */
};

static uint8_t fragments[2][WS_MESSAGE_SIZE_MAX];

static uint64_t digest_add(uint64_t digest, const void *data, size_t size) {
    for (size_t index = 0; index < size; index++)
        digest = (digest ^ ((const uint8_t *)data)[index]) * UINT64_C(0x100000001b3);
    return digest;
}

static uint64_t digest_event(uint64_t digest, const struct ws_event *event) {
    const uint64_t facts[4] = {event->kind, event->binary, event->close_code, event->size};
    return digest_add(digest_add(digest, facts, sizeof facts), event->payload, event->size);
}

/* Gives the parser `step` bytes more each time it asks, each time in an exact block of its own. */
static struct outcome read_all(const uint8_t *data, size_t size, size_t step, uint8_t *fragment_buffer) {
    struct outcome outcome = {.code = ERROR_NEED_MORE, .digest = 1};
    struct ws_parser parser;
    ws_parser_init(&parser, fragment_buffer);
    size_t begin = 0, have = step < size ? step : size;
    while (outcome.count < EVENTS_MAX) {
        struct ws_event event;
        size_t need;
        uint8_t *copy = fuzz_copy(data + begin, have - begin);
        int64_t used = ws_parse(&parser, copy, have - begin, &event, &need);
        FUZZ_CHECK(used <= (int64_t)(have - begin), "more used than there is");
        FUZZ_CHECK(used != ERROR_NEED_MORE || need == 0 || need > have - begin, "needs what it has");
        if (used > 0 && event.kind != 0) outcome.digest = digest_event(outcome.digest, &event);
        free(copy);
        if (used > 0) {
            outcome.count += event.kind != 0;
            begin += (size_t)used;
        } else if (used == ERROR_NEED_MORE && have < size) {
            have = size - have < step ? size : have + step;
        } else {
            outcome.code = used;
            outcome.close_code = used == ERROR_BAD ? parser.close_code : 0;
            return outcome;
        }
    }
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct outcome whole = read_all(data, size, size == 0 ? 1 : size, fragments[0]);
    struct outcome steps = read_all(data, size, 1 + size % 7, fragments[1]);
    FUZZ_CHECK(whole.count == steps.count && whole.digest == steps.digest, "events differ");
    FUZZ_CHECK(whole.code == steps.code && whole.close_code == steps.close_code, "endings differ");
    return 0;
}
