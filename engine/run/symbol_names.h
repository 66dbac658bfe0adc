#pragma once
/* The names under which one venue lists our symbols: from the name in a message to the symbol's index at once, however
 * many there are. Filled at start, then only read. */
#include <stddef.h>
#include <stdint.h>

#define SYMBOL_NAMES_MAX  1024
#define SYMBOL_NAME_SIZE  32 /* of the longest name: 31 */
#define SYMBOL_NAME_WORDS (SYMBOL_NAME_SIZE / 8)
#define SYMBOL_NAMES_SLOTS                                                                                         \
    (4 * SYMBOL_NAMES_MAX) /* a power of two; most stay empty, so the first look mostly hits */

struct symbol_name {
    uint64_t word[SYMBOL_NAME_WORDS]; /* the bytes, zeros, and in the last byte the size */
};

struct symbol_names_entry {
    struct symbol_name name;
    uint32_t index;
};

struct symbol_names {
    uint32_t count;
    uint16_t slot[SYMBOL_NAMES_SLOTS]; /* 1 + place of the entry; 0: empty */
    struct symbol_names_entry entry[SYMBOL_NAMES_MAX];
};

/* Returns 0; ERROR_FULL; ERROR_BAD: empty, longer than 31 bytes, or there already. */
int symbol_names_add(struct symbol_names *names, const char *name, uint32_t index);
/* The symbol's index, or -1. SYMBOL_NAME_SIZE bytes must be readable at `name`; only `size` of them count. */
int symbol_names_find(const struct symbol_names *names, const char *name, size_t size);
