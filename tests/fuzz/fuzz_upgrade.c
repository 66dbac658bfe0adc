/* Answers to the upgrade to WebSocket: granted only with our key's accept text, the same whole and byte by byte. */
#include "base/error.h"
#include "fuzz.h"
#include "net/ws.h"

static const char key[WS_KEY_SIZE + 1] = "dGhlIHNhbXBsZSBub25jZQ==";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ws_handshake whole, part;
    int64_t used = ws_handshake_answer(data, size, key, &whole);
    FUZZ_CHECK(used <= (int64_t)size, "more used than there is");
    if (used > 0) {
        FUZZ_CHECK(whole.status == 101, "granted with status %d", whole.status);
        FUZZ_CHECK(memmem(data, size, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28) != NULL, "granted without our key");
    }
    FUZZ_CHECK(used != ERROR_REFUSED || whole.why != NULL, "refused without saying why");
    for (size_t have = size - size / 4; have < size; have += 1 + size / 16) {
        uint8_t *copy = fuzz_copy(data, have);
        int64_t early = ws_handshake_answer(copy, have, key, &part);
        free(copy);
        FUZZ_CHECK(early == ERROR_NEED_MORE || early == used, "%zu bytes say %lld, all say %lld", have,
                   (long long)early, (long long)used);
    }
    return 0;
}
