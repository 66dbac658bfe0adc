#include "symbol_names.h"

#include <stdbool.h>
#include <string.h>

#include "../base/error.h"

#define WORDS      SYMBOL_NAME_WORDS
#define SLOT_SHIFT 52 /* the highest bits of a product are its best mixed */

_Static_assert(SYMBOL_NAMES_SLOTS == UINT64_C(1) << (64 - SLOT_SHIFT),
               "slots are numbered by the bits that are kept");

/* The first `size` bytes, zeros, and in the last byte the size: a name with a zero byte at its end is another name. No
 * branch depends on the size. */
static inline struct symbol_name name_read(const void *data, size_t size) {
    static const uint8_t kept[2 * SYMBOL_NAME_SIZE] = {
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    };
    struct symbol_name name, mask;
    memcpy(&name, data, sizeof name);
    memcpy(&mask, kept + SYMBOL_NAME_SIZE - size, sizeof mask);
    for (size_t index = 0; index < WORDS; index++)
        name.word[index] &= mask.word[index];
    name.word[WORDS - 1] |= (uint64_t)size << 56;
    return name;
}

static inline uint32_t slot_first(const struct symbol_name *name) {
    uint64_t sum = name->word[0] * UINT64_C(0x9e3779b97f4a7c15) ^ name->word[1] * UINT64_C(0xc2b2ae3d27d4eb4f) ^
                   name->word[2] * UINT64_C(0x165667b19e3779f9) ^ name->word[3] * UINT64_C(0x27d4eb2f165667c5);
    sum ^= sum >> 32;
    return (uint32_t)(sum * UINT64_C(0x9e3779b97f4a7c15) >> SLOT_SHIFT);
}

static inline bool name_equals(const struct symbol_name *name, const struct symbol_name *other) {
    uint64_t difference = 0;
    for (size_t index = 0; index < WORDS; index++)
        difference |= name->word[index] ^ other->word[index];
    return difference == 0;
}

int symbol_names_find(const struct symbol_names *names, const char *text, size_t size) {
    if (size == 0 || size >= SYMBOL_NAME_SIZE) return -1;
    struct symbol_name name = name_read(text, size);
    for (uint32_t slot = slot_first(&name);; slot = (slot + 1) % SYMBOL_NAMES_SLOTS) {
        uint32_t number = names->slot[slot];
        if (number == 0) return -1;
        const struct symbol_names_entry *entry = &names->entry[number - 1];
        if (name_equals(&name, &entry->name)) return (int)entry->index;
    }
}

int symbol_names_add(struct symbol_names *names, const char *text, uint32_t index) {
    char padded[SYMBOL_NAME_SIZE] = {0};
    size_t size = strnlen(text, SYMBOL_NAME_SIZE);
    if (size == 0 || size == SYMBOL_NAME_SIZE) return ERROR_BAD;
    if (names->count == SYMBOL_NAMES_MAX) return ERROR_FULL;
    memcpy(padded, text, size);
    if (symbol_names_find(names, padded, size) >= 0) return ERROR_BAD;
    struct symbol_name name = name_read(padded, size);
    uint32_t slot = slot_first(&name);
    while (names->slot[slot] != 0)
        slot = (slot + 1) % SYMBOL_NAMES_SLOTS;
    struct symbol_names_entry *entry = &names->entry[names->count++];
    entry->name = name;
    entry->index = index;
    names->slot[slot] = (uint16_t)names->count;
    return 0;
}
