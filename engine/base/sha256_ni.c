/* SHA-256 by the SHA instructions. Built with -msha and without AVX (CMakeLists.txt): see sha256.h. */
#include "sha256.h"

#if defined(__x86_64__)
#include <immintrin.h>

static const uint32_t round_key[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* Four rounds; words is W[4*group ..]. */
static inline __attribute__((always_inline)) void four_rounds(__m128i *abef, __m128i *cdgh, __m128i words,
                                                              unsigned group) {
    __m128i sum = _mm_add_epi32(words, _mm_load_si128((const __m128i *)(const void *)&round_key[4 * group]));
    *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sum);
    *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

/* The next four words of the schedule, in the place of the oldest: a is W[t-16 ..], then b, c, d. */
static inline __attribute__((always_inline)) __m128i next_words(__m128i a, __m128i b, __m128i c, __m128i d) {
    __m128i partial = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4));
    return _mm_sha256msg2_epu32(partial, d);
}

static inline __attribute__((always_inline)) __m128i load_words(const uint8_t *data) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)data), big_endian);
}

static inline __attribute__((always_inline)) void one_block(__m128i *abef, __m128i *cdgh, const uint8_t *data) {
    __m128i before_abef = *abef, before_cdgh = *cdgh, words[4];
    for (unsigned i = 0; i < 4; i++) {
        words[i] = load_words(data + 16 * (size_t)i);
        four_rounds(abef, cdgh, words[i], i);
    }
#pragma GCC unroll 12
    for (unsigned group = 4; group < 16; group++) {
        __m128i *oldest = &words[group % 4];
        *oldest = next_words(*oldest, words[(group + 1) % 4], words[(group + 2) % 4], words[(group + 3) % 4]);
        four_rounds(abef, cdgh, *oldest, group);
    }
    *abef = _mm_add_epi32(*abef, before_abef);
    *cdgh = _mm_add_epi32(*cdgh, before_cdgh);
}

/* The instructions want the state as ABEF and CDGH, highest word first. */
void sha256_blocks_ni(uint32_t state[8], const uint8_t *data, size_t count) {
    __m128i *words = (__m128i *)(void *)state;
    __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xb1);
    __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1b);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8);
    __m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    for (size_t i = 0; i < count; i++)
        one_block(&abef, &cdgh, data + i * SHA256_BLOCK_SIZE);
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
}
#endif
