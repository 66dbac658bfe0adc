#pragma once
/* Sets of symbols: bit s % 64 of word s / 64. The arrays stand in params.h and journal.h with a literal size, because
 * Python reads those texts; these helpers do not belong there. */
#include <stdbool.h>
#include <stdint.h>

#include "../abi.h"

#define SYMBOLS_WORDS 16

_Static_assert(SYMBOLS_WORDS * 64 >= ABI_SYMBOL_MAX, "a set holds all symbols");

static inline bool symbols_has(const uint64_t set[SYMBOLS_WORDS], uint32_t symbol) {
    return (set[symbol / 64] >> symbol % 64 & 1u) != 0;
}

static inline void symbols_set(uint64_t set[SYMBOLS_WORDS], uint32_t symbol, bool member) {
    uint64_t bit = UINT64_C(1) << symbol % 64;
    set[symbol / 64] = member ? set[symbol / 64] | bit : set[symbol / 64] & ~bit;
}

static inline void symbols_add(uint64_t set[SYMBOLS_WORDS], uint32_t symbol) {
    set[symbol / 64] |= UINT64_C(1) << symbol % 64;
}
