#pragma once
/* The compression function of SHA-256, by the processor's own instructions where it has them. Chosen once, before
 * main. No allocation, no lock, no state: any thread.
 *
 * The SHA instructions exist only in the old SSE encoding: run while the upper halves of the AVX registers are in use
 * they cost 17 times as much. So they live in a file of their own (sha256_ni.c) that is built without AVX, and the
 * only way in, sha256_blocks, clears the upper halves first. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_BLOCK_SIZE  64u
#define SHA256_DIGEST_SIZE 32u

extern const uint32_t sha256_start[8];

/* Takes `count` blocks of 64 bytes into the state. */
void sha256_blocks(uint32_t state[8], const uint8_t *data, size_t count);
/* The rest of a message, shorter or longer than a block: with its padding and `total`, the message's whole length in
 * bytes, of which data is the end. */
void sha256_end(uint32_t state[8], const uint8_t *data, size_t size, uint64_t total);

/* "sha-ni" or "openssl". */
const char *sha256_kernel(void);

/* What sha256_blocks chooses from. */
bool sha256_ni_present(void);
void sha256_blocks_ni(uint32_t state[8], const uint8_t *data, size_t count);
void sha256_blocks_openssl(uint32_t state[8], const uint8_t *data, size_t count);
