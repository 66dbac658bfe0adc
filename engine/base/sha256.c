/* Built without AVX (CMakeLists.txt), so that nothing between clearing the registers and the call uses them again. */
#include "sha256.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

const uint32_t sha256_start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static bool use_ni, clear_upper; /* set before main, then only read */

#if defined(__x86_64__)
bool sha256_ni_present(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & bit_SHA) == 0) return false;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) != 0 && (c & bit_SSSE3) != 0;
}

/* True when the system keeps the AVX registers too: without them there is no upper half, and no instruction for it. */
static bool has_upper_halves(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_OSXSAVE) != 0 && (c & bit_AVX) != 0;
}

static void blocks_ni(uint32_t state[8], const uint8_t *data, size_t count) {
    if (clear_upper) __asm__ volatile("vzeroupper" ::: "memory");
    sha256_blocks_ni(state, data, count);
}
#else
bool sha256_ni_present(void) {
    return false;
}

static bool has_upper_halves(void) {
    return false;
}

static void blocks_ni(uint32_t state[8], const uint8_t *data, size_t count) {
    sha256_blocks_openssl(state, data, count);
}
#endif

__attribute__((constructor)) static void choose(void) {
    use_ni = sha256_ni_present();
    clear_upper = has_upper_halves();
}

void sha256_blocks(uint32_t state[8], const uint8_t *data, size_t count) {
    if (use_ni)
        blocks_ni(state, data, count);
    else
        sha256_blocks_openssl(state, data, count);
}

void sha256_end(uint32_t state[8], const uint8_t *data, size_t size, uint64_t total) {
    uint8_t last[2 * SHA256_BLOCK_SIZE];
    size_t whole = size / SHA256_BLOCK_SIZE;
    if (whole > 0) sha256_blocks(state, data, whole);
    size_t left = size % SHA256_BLOCK_SIZE;
    size_t padded = left + 1 + sizeof total <= SHA256_BLOCK_SIZE ? SHA256_BLOCK_SIZE : 2 * SHA256_BLOCK_SIZE;
    memset(last, 0, sizeof last);
    if (left > 0) memcpy(last, data + whole * SHA256_BLOCK_SIZE, left);
    last[left] = 0x80;
    uint64_t bits = __builtin_bswap64(total * 8);
    memcpy(last + padded - sizeof bits, &bits, sizeof bits);
    sha256_blocks(state, last, padded / SHA256_BLOCK_SIZE);
}

const char *sha256_kernel(void) {
    return use_ni ? "sha-ni" : "openssl";
}
