/* HTTP answers: the same whole and in part, and again with the next answer behind. */
#include "base/error.h"
#include "fuzz.h"
#include "net/http.h"

static const char next[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/* The answer is read in place, so each try has a copy; *body (to be freed) is that of the answer. */
static int64_t parse(const uint8_t *data, size_t size, bool more, struct http_answer *out, uint8_t **body) {
    size_t total = size + (more ? sizeof next - 1 : 0);
    uint8_t *copy = fuzz_copy(data, size);
    if (more) {
        free(copy);
        copy = malloc(total);
        if (copy == NULL) abort();
        if (size > 0) memcpy(copy, data, size);
        memcpy(copy + size, next, sizeof next - 1);
    }
    int64_t used = http_parse_answer(copy, total, out);
    FUZZ_CHECK(used <= (int64_t)total, "more used than there is");
    *body = NULL;
    if (used > 0) {
        FUZZ_CHECK(out->body_size == 0 || (out->body >= copy && out->body + out->body_size <= copy + used), "body");
        *body = fuzz_copy(out->body, out->body_size);
    }
    free(copy);
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct http_answer whole, other;
    uint8_t *body, *other_body;
    int64_t used = parse(data, size, false, &whole, &body);
    if (used > 0) {
        int64_t again = parse(data, (size_t)used, true, &other, &other_body);
        FUZZ_CHECK(again == used && other.status == whole.status && other.body_size == whole.body_size &&
                       memcmp(other_body, body, whole.body_size) == 0,
                   "what follows an answer changes it");
        free(other_body);
    }
    for (size_t have = size - size / 4; have < size; have += 1 + size / 16) {
        int64_t early = parse(data, have, false, &other, &other_body);
        FUZZ_CHECK(early == ERROR_NEED_MORE || early == used, "%zu bytes say %lld, all say %lld", have,
                   (long long)early, (long long)used);
        free(other_body);
    }
    free(body);
    return 0;
}
