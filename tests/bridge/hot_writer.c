/* Publishes latches and cells as fast as it can, for tests of torn reads. Written from the text of abi.h alone, so that
 * reader and writer are two independent readings of it.
 *
 *   hot_writer SEGMENT    maps an existing segment, prints "ready", writes until killed
 *
 * Every 64-bit word of a block but status, and of each order record, is the same n. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include "abi.h"

static void store_words(uint64_t *target, uint64_t n, size_t count) {
    for (size_t i = 0; i < count; i++)
        __atomic_store_n(&target[i], n, __ATOMIC_RELAXED);
}

static void write_under(uint64_t *seq, uint64_t odd, uint64_t n, size_t size) {
    __atomic_store_n(seq, odd, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    store_words(seq + 1, n, size / sizeof(uint64_t));
    __atomic_store_n(seq, odd + 1, __ATOMIC_RELEASE);
}

static void publish(void *slots, size_t slot_size, uint64_t n) {
    uint64_t *seq = (uint64_t *)(void *)((char *)slots + (n & 1) * slot_size);
    write_under(seq, 2 * n + 1, n, slot_size - sizeof(uint64_t));
}

static void publish_order(struct abi_segment *segment, uint64_t n) {
    struct abi_order_cell *cell = &segment->order[n % ABI_RING_SIZE];
    write_under(&cell->seq, (cell->seq | 1) + (cell->seq & 1 ? 2 : 0), n, sizeof cell->value);
    __atomic_store_n(&segment->heads.order, n, __ATOMIC_RELEASE);
}

static void beat(struct abi_segment *segment, uint64_t n) {
    struct abi_status_slot *slot = &segment->status[n & 1];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    __atomic_store_n(&slot->seq, 2 * n + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    slot->value.heartbeat_count = n;
    slot->value.state_version = n;
    slot->value.heartbeat_mono_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    slot->value.trading_state = ABI_STATE_ACTIVE;
    __atomic_store_n(&slot->seq, 2 * n + 2, __ATOMIC_RELEASE);
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlives the test that started it */
    int fd = argc == 2 ? shm_open(argv[1], O_RDWR, 0) : -1;
    if (fd < 0) return 2;
    struct abi_segment *segment = mmap(NULL, sizeof *segment, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (segment == MAP_FAILED) return 1;
    puts("ready");
    fflush(stdout);
    /* Goes on where a killed one left off, beginning with the slot that it may have left half-written. */
    uint64_t seq =
        segment->status[0].seq > segment->status[1].seq ? segment->status[0].seq : segment->status[1].seq;
    for (uint64_t n = (seq + 1) / 2 + 1;; n++) {
        beat(segment, n);
        publish(segment->pnl, sizeof segment->pnl[0], n);
        publish(segment->counters, sizeof segment->counters[0], n);
        publish(segment->strategy, sizeof segment->strategy[0], n);
        publish(segment->risk, sizeof segment->risk[0], n);
        publish(segment->exposures, sizeof segment->exposures[0], n);
        publish(segment->book, sizeof segment->book[0], n);
        publish(segment->balances, sizeof segment->balances[0], n);
        publish_order(segment, n);
    }
}
