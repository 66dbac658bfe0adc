#pragma once
#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli), SSE4.2 where the processor has it, table otherwise. crc32c(0, "123456789", 9) = 0xe3069283.
 * Chains: crc32c(crc32c(0, a), b) = crc32c(0, a b). */
uint32_t crc32c(uint32_t seed, const void *data, size_t size);
/* The table alone: the definition that the instruction is tested against. */
uint32_t crc32c_portable(uint32_t seed, const void *data, size_t size);
