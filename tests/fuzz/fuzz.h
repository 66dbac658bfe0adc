#pragma once
/* What the fuzz targets share. Each target is one file: bytes in, abort on a finding. The bytes lie in an exact heap
 * block, so the sanitizers see the first one read past the end. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says what was found and stops: the fuzzer then writes the input to a file and names it. */
#define FUZZ_CHECK(good, ...)                                                                                      \
    do {                                                                                                           \
        if (!(good)) {                                                                                             \
            fprintf(stderr, "finding: " __VA_ARGS__);                                                              \
            fputc('\n', stderr);                                                                                   \
            abort();                                                                                               \
        }                                                                                                          \
    } while (0)

static inline uint8_t *fuzz_copy(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size + (size == 0));
    if (copy == NULL) abort();
    if (size > 0) memcpy(copy, data, size);
    return copy;
}
