#pragma once
#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli), SSE4.2 where the processor has it, table otherwise. crc32c(0, "123456789", 9) = 0xe3069283. */
uint32_t crc32c(uint32_t seed, const void *data, size_t size);
