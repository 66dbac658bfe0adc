#pragma once
/* Latency stages of the message in hand, from the receive completion to the order in the kernel.
 *
 *   seen -> turn [-> decrypted] -> framed -> decoded [-> booked -> detected] -> decided -> encoded -> sent
 *
 * Measuring must not slow down what it measures. A stamp costs about 10 ns, so the early ones are taken of the first
 * message behind each receive completion and of every 64th; from the decision on, of each that led to an order. The
 * histograms get every 64th message, and every stamp of a message that led to an order. One owner thread.
 *
 * Coordinated omission: what arrives while a turn is held up waits unseen, and counting from when it was seen would
 * leave that wait out exactly when it was long. So TICK_TO_ORDER and TICK_TO_WIRE count from `since`, the earliest
 * moment at which the bytes can have come (the look for completions before the one that found them), whenever that turn
 * was longer than usual: the worst case, never too little. Behind usual turns the wait is part of being busy and shows
 * in RECEIVE; usual: four times the mean of the turns that had work, and STAGES_TURN_NS. */
#include <stdbool.h>
#include <stdint.h>

#include "../abi.h"
#include "../base/clock.h"
#include "../base/histogram.h"

#define STAGES_SAMPLE  64    /* messages a sample */
#define STAGES_TURN_NS 10000 /* a turn up to here is never unusual */

enum stamp { STAMP_TURN, STAMP_DECRYPTED, STAMP_FRAMED, STAMP_DECODED, STAMP_BOOKED, STAMP_DETECTED, STAMPS };

struct stages {
    struct abi_histogram *out; /* by enum abi_stage */
    uint32_t message_count;
    bool shared;   /* histograms that other threads fill as well */
    bool first;    /* of what came with a completion */
    bool stamping; /* this message's stamps are taken */
    bool sampled;  /* and go into the histograms whatever comes of it */
    bool stamped;  /* there are stamps of a message before */
    int64_t seen_ns;
    int64_t since_ns; /* what TICK_TO_* counts from */
    int64_t turn_mean_ns;
    int64_t at[STAMPS]; /* 0: not taken */
    int64_t record_ns;  /* when the opening of a TLS record began, for the first message in it; 0: not taken */
    int64_t opened_ns;
};

/* The benchmark of what measuring costs is built with STAGES_OFF: nothing is stamped, nothing recorded. */
#ifdef STAGES_OFF
#define STAGES_ON false
#else
#define STAGES_ON true
#endif

static inline void stages_record(const struct stages *stages, enum abi_stage stage, int64_t took_ns) {
    if (!STAGES_ON) return;
    if (stages->shared)
        histogram_record_shared(stages->out[stage].bucket, took_ns);
    else
        histogram_record(stages->out[stage].bucket, took_ns);
}

/* Bytes whose completion was seen at seen_ns are in hand; they can have waited since since_ns. */
static inline void stages_bytes(struct stages *stages, int64_t seen_ns, int64_t since_ns) {
    if (!STAGES_ON) return;
    int64_t usual_ns = STAGES_TURN_NS + 4 * stages->turn_mean_ns;
    stages->seen_ns = seen_ns;
    stages->since_ns = seen_ns - since_ns > usual_ns ? since_ns : seen_ns;
    stages->first = true;
}

/* Around the opening of a TLS record whose first message will be stamped. */
static inline void stages_record_next(struct stages *stages) {
    if (!STAGES_ON) return;
    bool stamping = stages->first || (stages->message_count + 1) % STAGES_SAMPLE == 0;
    stages->record_ns = stamping ? clock_mono_ns() : 0;
}

static inline void stages_record_opened(struct stages *stages) {
    if (STAGES_ON && stages->record_ns != 0) stages->opened_ns = clock_mono_ns();
}

/* Most messages have no stamps and come after one that had none. */
static inline void stages_forget(struct stages *stages) {
    if (!stages->stamped) return;
    stages->stamped = false;
    for (int i = 0; i < STAMPS; i++)
        stages->at[i] = 0;
}

static inline void stages_message(struct stages *stages) {
    if (!STAGES_ON) return;
    stages->sampled = ++stages->message_count % STAGES_SAMPLE == 0;
    stages->stamping = stages->first || stages->sampled;
    stages->first = false;
    stages_forget(stages);
    if (!stages->stamping) return;
    stages->stamped = true;
    if (stages->record_ns == 0) {
        stages->at[STAMP_TURN] = clock_mono_ns();
        return;
    }
    stages->at[STAMP_TURN] = stages->record_ns;
    stages->at[STAMP_DECRYPTED] = stages->opened_ns;
    stages->record_ns = 0;
}

/* The message in hand was read by another thread, which took the stamps. */
static inline void stages_handed(struct stages *stages) {
    if (!STAGES_ON) return;
    stages->sampled = ++stages->message_count % STAGES_SAMPLE == 0;
    stages->stamped |= stages->stamping = stages->sampled;
    stages_forget(stages);
}

static inline void stages_stamp(struct stages *stages, enum stamp stamp) {
    if (STAGES_ON && stages->stamping) stages->at[stamp] = clock_mono_ns();
}

/* Of every quote, for another purpose: costs nothing more, and is not left over as the next one has its own. */
static inline void stages_decoded(struct stages *stages, int64_t now_ns) {
    if (!STAGES_ON) return;
    stages->at[STAMP_DECODED] = now_ns;
}

/* Taken for another purpose. */
static inline void stages_stamp_at(struct stages *stages, enum stamp stamp, int64_t now_ns) {
    stages->stamped = true;
    stages->at[stamp] = now_ns;
}

static inline void stages_turn(struct stages *stages, int64_t took_ns) {
    int64_t most_ns = 4 * (stages->turn_mean_ns + 1000); /* a stall does not make stalls usual */
    stages->turn_mean_ns += ((took_ns < most_ns ? took_ns : most_ns) - stages->turn_mean_ns) / 64;
}

void stages_read_record(const struct stages *stages);
void stages_decided_record(struct stages *stages);

/* The message in hand was read: fills RECEIVE to DECODE when it is sampled (stages_decided does it otherwise). */
static inline void stages_read(const struct stages *stages) {
    if (STAGES_ON && stages->sampled) stages_read_record(stages);
}

/* The core has answered the quote in hand: fills RECEIVE to DECIDE when it is sampled or led to an order. */
static inline void stages_decided(struct stages *stages, bool has_order) {
    if (STAGES_ON && (stages->sampled || has_order)) stages_decided_record(stages);
}

/* Frames were begun, ready and taken by the kernel at these times; of_tick: the quote in hand led to them. */
void stages_order(struct stages *stages, bool of_tick, int64_t began_ns, int64_t ready_ns, int64_t sent_ns);
