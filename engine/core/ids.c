#include <string.h>

#include "../base/error.h"
#include "core.h"

#define ID_DIGITS 13 /* base32 digits of 64 bits */
#define ID_SIZE   14

static const char DIGIT[] = "0123456789abcdefghijklmnopqrstuv";

void core_client_id(uint64_t pair_id, uint32_t leg, char out[32]) {
    memset(out, 0, 32);
    for (int i = ID_DIGITS - 1; i >= 0; i--) {
        out[i] = DIGIT[pair_id & 31];
        pair_id >>= 5;
    }
    out[ID_DIGITS] = (char)('a' + leg);
}

int core_client_id_parse(const char *text, size_t size, uint64_t *pair_id, uint32_t *leg) {
    if (size != ID_SIZE || text[ID_DIGITS] < 'a' || text[ID_DIGITS] > 'z') return ERROR_BAD;
    uint64_t id = 0;
    for (size_t i = 0; i < ID_DIGITS; i++) {
        const char *digit = text[i] == 0 ? NULL : strchr(DIGIT, text[i]);
        if (digit == NULL) return ERROR_BAD;
        /* 13 digits are 65 bits: the first one may only be 0 .. f. */
        if (i == 0 && digit - DIGIT > 15) return ERROR_BAD;
        id = id << 5 | (uint64_t)(digit - DIGIT);
    }
    if (id == 0) return ERROR_BAD;
    *pair_id = id;
    *leg = (uint32_t)(text[ID_DIGITS] - 'a');
    return 0;
}
