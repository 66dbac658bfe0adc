#include "shm.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/clock.h"
#include "process.h"
#include "shm_names.h"

#define READ_TRIES 64

const uint64_t shm_abi_hash = ENGINE_ABI_HASH;

/* Everything of the header that does not depend on the configuration. */
static void fill_identity(struct abi_segment *segment, const char *instance, uint64_t generation) {
    struct abi_header *header = &segment->header;
    header->abi_hash = shm_abi_hash;
    header->size = sizeof *segment;
    header->generation = generation;
    header->start_mono_ns = clock_mono_ns();
    header->start_wall_ns = clock_wall_ns();
    header->wall_offset_ns = header->start_wall_ns - header->start_mono_ns;
    header->pid = (uint32_t)getpid();
    header->pid_start_ticks = process_start_ticks(getpid());
    header->ring_size = ABI_RING_SIZE;
    header->pnl_ring_size = ABI_PNL_RING_SIZE;
    header->thread_layout = ABI_LAYOUT_ONE;
    header->detect_kernel = ABI_DETECT_SCALAR;
    snprintf(header->instance, sizeof header->instance, "%s", instance);
    snprintf(header->version, sizeof header->version, "%s", ENGINE_VERSION);
    process_boot_id(header->boot_id, sizeof header->boot_id);
}

struct abi_segment *shm_create(const char *instance, uint64_t generation, struct error_trail *trail) {
    char name[SHM_NAME_SIZE];
    if (shm_name_make(instance, generation, "", name) != 0) {
        error_set(trail, ERROR_BAD, "instance = \"%s\": allowed are 1 to 31 of a-z, 0-9 and _", instance);
        return NULL;
    }
    struct abi_segment *segment = shm_object_create(name, sizeof *segment, trail);
    if (segment != NULL) fill_identity(segment, instance, generation);
    return segment;
}

void shm_ready(struct abi_segment *segment) {
    assert(segment->header.magic == 0);
    __atomic_store_n(&segment->header.magic, (uint64_t)ABI_MAGIC, __ATOMIC_RELEASE);
}

void shm_destroy(struct abi_segment *segment) {
    if (segment == NULL) return;
    char name[SHM_NAME_SIZE];
    int named = shm_name_make(segment->header.instance, segment->header.generation, "", name);
    assert(named == 0);
    __atomic_store_n(&segment->header.magic, (uint64_t)0, __ATOMIC_RELEASE);
    shm_unlink(name);
    munmap(segment, sizeof *segment);
}

void shm_sweep(const char *instance, uint64_t generation) {
    uint64_t found[SHM_SCAN_MAX];
    size_t count = shm_names_scan(instance, "", found, SHM_SCAN_MAX);
    for (size_t i = 0; i < count; i++) {
        if (found[i] == generation) continue;
        char name[SHM_NAME_SIZE];
        if (shm_name_make(instance, found[i], "", name) == 0) shm_unlink(name);
    }
}

/* Word by word with relaxed atomics: a plain copy could be torn or re-ordered by the compiler. The fence keeps the
 * odd sequence in front of the first word. */
static void store_words(uint64_t *target, const void *value, size_t value_size) {
    const uint8_t *source = value;
    for (size_t i = 0; i < value_size / sizeof(uint64_t); i++) {
        uint64_t word;
        memcpy(&word, source + i * sizeof word, sizeof word);
        __atomic_store_n(target + i, word, __ATOMIC_RELAXED);
    }
}

static void publish_at(uint64_t *sequence, uint64_t odd, const void *value, size_t value_size) {
    __atomic_store_n(sequence, odd, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    store_words(sequence + 1, value, value_size);
    __atomic_store_n(sequence, odd + 1, __ATOMIC_RELEASE);
}

void shm_publish(void *slots, size_t slot_size, const void *value, size_t value_size) {
    assert(value_size % sizeof(uint64_t) == 0);
    assert(slot_size == sizeof(uint64_t) + value_size);
    uint64_t *first = slots;
    uint64_t *second = (uint64_t *)(void *)((uint8_t *)slots + slot_size);
    uint64_t newest = *first > *second ? *first : *second; /* ours alone to write: no order is needed to read */
    uint64_t publication = newest / 2;
    publish_at((publication & 1) != 0 ? second : first, 2 * publication + 1, value, value_size);
}

bool shm_read(const void *slots, size_t slot_size, void *out, size_t value_size) {
    const uint64_t *first = slots;
    const uint64_t *second = (const uint64_t *)(const void *)((const uint8_t *)slots + slot_size);
    for (int i = 0; i < READ_TRIES; i++) {
        uint64_t seq_first = __atomic_load_n(first, __ATOMIC_ACQUIRE);
        uint64_t seq_second = __atomic_load_n(second, __ATOMIC_ACQUIRE);
        /* An odd slot is being written. */
        bool of_first = (seq_second & 1) != 0 || ((seq_first & 1) == 0 && seq_first > seq_second);
        const uint64_t *sequence = of_first ? first : second;
        uint64_t seq = of_first ? seq_first : seq_second;
        if (seq == 0) return false;
        if ((seq & 1) != 0) continue;
        for (size_t word = 0; word < value_size / sizeof(uint64_t); word++) {
            uint64_t value = __atomic_load_n(sequence + 1 + word, __ATOMIC_RELAXED);
            memcpy((uint8_t *)out + word * sizeof value, &value, sizeof value);
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(sequence, __ATOMIC_RELAXED) == seq) return true;
    }
    return false;
}

void shm_publish_cell(void *cell, const void *value, size_t value_size) {
    assert(value_size % sizeof(uint64_t) == 0);
    uint64_t *sequence = cell;
    publish_at(sequence, *sequence + 1, value, value_size);
}
