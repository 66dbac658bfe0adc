#include "state.h"

#define ID_DIGITS 13 /* base32 digits of 64 bits */
#define ID_LOW    40 /* bits of the last eight digits */
#define ID_SIZE   14

static const char DIGIT[] = "0123456789abcdefghijklmnopqrstuv";

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first character is the lowest byte");

/* 40 bits as eight base32 characters, the first one in the lowest byte: the bits are spread to five in each byte, then
 * 0..9 become '0'..'9' and 10..31 'a'..'v'. */
static uint64_t digits8(uint64_t bits) {
    bits = (bits & 0xfffff00000u) << 12 | (bits & 0xfffffu);
    bits = (bits & 0x000ffc00000ffc00u) << 6 | (bits & 0x000003ff000003ffu);
    bits = (bits & 0x03e003e003e003e0u) << 3 | (bits & 0x001f001f001f001fu);
    uint64_t letters = (bits + 0x7676767676767676u) >> 7 & 0x0101010101010101u; /* 10 + 0x76 = 0x80 */
    return __builtin_bswap64(bits + 0x3030303030303030u + letters * ('a' - 10 - '0'));
}

void client_id_text(uint64_t pair_id, uint64_t text[2]) {
    uint64_t low = digits8(pair_id & ((UINT64_C(1) << ID_LOW) - 1));
    uint64_t high = digits8(pair_id >> ID_LOW) >> 24; /* 24 bits: three leading zeros are no digits of it */
    text[0] = high | low << 40;
    text[1] = low >> 24 | (uint64_t)'a' << CLIENT_ID_LEG_SHIFT;
}

void core_client_id(uint64_t pair_id, uint32_t leg, char out[32]) {
    uint64_t text[2];
    client_id_text(pair_id, text);
    client_id_write(text, leg, out);
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
