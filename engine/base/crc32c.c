#include "crc32c.h"

#include <string.h>

/* Four bits at a time: small enough to be checked by eye, used only where the processor has no crc32 instruction. */
static uint32_t crc32c_table(uint32_t crc, const uint8_t *bytes, size_t size) {
    static const uint32_t nibble[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        crc = (crc >> 4) ^ nibble[crc & 15u];
        crc = (crc >> 4) ^ nibble[crc & 15u];
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t seed, const uint8_t *bytes, size_t size) {
    uint64_t crc = seed;
    for (; size >= 8; bytes += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        crc = __builtin_ia32_crc32di(crc, word);
    }
    uint32_t rest = (uint32_t)crc;
    for (; size > 0; bytes++, size--)
        rest = __builtin_ia32_crc32qi(rest, *bytes);
    return rest;
}
#endif

uint32_t crc32c(uint32_t seed, const void *data, size_t size) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return ~crc32c_sse42(~seed, data, size);
#endif
    return ~crc32c_table(~seed, data, size);
}

uint32_t crc32c_portable(uint32_t seed, const void *data, size_t size) {
    return ~crc32c_table(~seed, data, size);
}
