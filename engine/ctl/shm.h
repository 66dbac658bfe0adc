#pragma once
/* The engine's shared-memory segment: size, create, publish, destroy. Protocols: abi.h. Publishing takes no lock and
 * makes no system call. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../abi.h"
#include "../base/error.h"

extern const uint64_t shm_abi_hash; /* first 8 bytes of the SHA-256 of abi.h, big-endian; made by the build */

/* Creates /arbdeck-<instance>-<generation> (O_EXCL, 0640, posix_fallocate), zeroed, magic not yet set. Of the header it
 * fills what no configuration decides: hash, size, generation, instance, version, ring sizes, pid, pid start, boot
 * id, start times and wall offset. NULL with a trail. */
struct abi_segment *shm_create(const char *instance, uint64_t generation, struct error_trail *trail);
void shm_ready(struct abi_segment *segment);   /* stores the magic: readers may come */
void shm_destroy(struct abi_segment *segment); /* clears the magic, unmaps, unlinks */
/* Removes the segments of all other generations of this instance; the caller holds the state directory's lock. Tails
 * hold records: journal_recover_tails removes them, once they are on disk. */
void shm_sweep(const char *instance, uint64_t generation);

/* Latch: slots = the first of two; value_size = sizeof the value; slot_size = sizeof one slot. */
void shm_publish(void *slots, size_t slot_size, const void *value, size_t value_size);
/* Cell: one record with a leading sequence word. */
void shm_publish_cell(void *cell, const void *value, size_t value_size);
/* A reader's half of the latch, for threads of the engine other than the publishing one. False: never written, or the
 * writer overtook every try. */
bool shm_read(const void *slots, size_t slot_size, void *out, size_t value_size);
#define SHM_READ(slots, target)                                                                                    \
    shm_read((slots), sizeof((slots)[0]), 1 ? (target) : &(slots)[0].value, sizeof((slots)[0].value))
/* `source` points to a value; the conditional makes the compiler compare the types. */
#define SHM_PUBLISH(slots, source)                                                                                 \
    shm_publish((slots), sizeof((slots)[0]), 1 ? (source) : &(slots)[0].value, sizeof((slots)[0].value))
#define SHM_PUBLISH_CELL(cell, source)                                                                             \
    shm_publish_cell((cell), 1 ? (source) : &(cell)->value, sizeof((cell)->value))
