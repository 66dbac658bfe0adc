#pragma once
#include <stddef.h>
#include <stdint.h>

void hash_sha256(const void *data, size_t size, uint8_t out[32]);
void hash_hex(const uint8_t *bytes, size_t size, char *out); /* 2*size + 1 bytes */
