#pragma once
/* The payload corpus of the tests: found beside the repository or where ARBDECK_SHARED points; its absence skips. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define PAYLOADS_PATH_MAX 1024

static inline void payloads_path(char *out, const char *folder, const char *file) {
    const char *shared = getenv("ARBDECK_SHARED");
    snprintf(out, PAYLOADS_PATH_MAX, "%s/venues/payloads/%s/%s", shared ? shared : TEST_SOURCE_DIR "/../shared",
             folder, file);
}

/* An exact-size heap copy, so that a sanitizer sees the first byte read past the end. NULL: no such file. */
static inline uint8_t *payloads_read(const char *folder, const char *file, size_t *size) {
    char path[PAYLOADS_PATH_MAX];
    payloads_path(path, folder, file);
    FILE *in = fopen(path, "rb");
    if (!in) return NULL;
    fseek(in, 0, SEEK_END);
    *size = (size_t)ftell(in);
    rewind(in);
    uint8_t *data = malloc(*size);
    size_t got = fread(data, 1, *size, in);
    fclose(in);
    if (got != *size) abort();
    return data;
}

/* The entries of a folder's manifest, or NULL after saying that the corpus is missing. */
static inline json_t *payloads_manifest(const char *folder) {
    char path[PAYLOADS_PATH_MAX];
    json_error_t error;
    payloads_path(path, folder, "manifest.json");
    json_t *manifest = json_load_file(path, 0, &error);
    if (!manifest) {
        fprintf(stderr, "skipped: %s: %s\n", path, error.text);
        return NULL;
    }
    json_t *entries = json_incref(json_object_get(manifest, "entries"));
    json_decref(manifest);
    return entries;
}
