#include "stages.h"

/* Of two stamps that were both taken. */
static void between(const struct stages *stages, enum abi_stage stage, int64_t from_ns, int64_t to_ns) {
    if (from_ns != 0 && to_ns != 0) stages_record(stages, stage, to_ns - from_ns);
}

void stages_read_record(const struct stages *stages) {
    const int64_t *at = stages->at;
    int64_t plain_ns = at[STAMP_DECRYPTED] != 0 ? at[STAMP_DECRYPTED] : at[STAMP_TURN];
    between(stages, ABI_STAGE_RECEIVE, stages->seen_ns, at[STAMP_TURN]);
    between(stages, ABI_STAGE_DECRYPT, at[STAMP_TURN], at[STAMP_DECRYPTED]);
    between(stages, ABI_STAGE_FRAME, plain_ns, at[STAMP_FRAMED]);
    between(stages, ABI_STAGE_DECODE, at[STAMP_FRAMED], at[STAMP_DECODED]);
}

void stages_decided_record(struct stages *stages) {
    int64_t decided_ns = clock_mono_ns();
    const int64_t *at = stages->at;
    stages_read_record(stages);
    between(stages, ABI_STAGE_BOOK, at[STAMP_DECODED], at[STAMP_BOOKED]);
    /* Mostly there is nothing for the controls to say. */
    between(stages, ABI_STAGE_DETECT, at[STAMP_BOOKED], at[STAMP_DETECTED] != 0 ? at[STAMP_DETECTED] : decided_ns);
    between(stages, ABI_STAGE_RISK, at[STAMP_DETECTED], decided_ns);
    between(stages, ABI_STAGE_DECIDE, at[STAMP_DECODED], decided_ns);
}

void stages_order(struct stages *stages, bool of_tick, int64_t began_ns, int64_t ready_ns, int64_t sent_ns) {
    stages_record(stages, ABI_STAGE_ENCODE, ready_ns - began_ns);
    stages_record(stages, ABI_STAGE_SEND, sent_ns - ready_ns);
    if (!of_tick) return; /* a hedge: a fill or time led to it */
    stages_record(stages, ABI_STAGE_TICK_TO_ORDER, ready_ns - stages->since_ns);
    stages_record(stages, ABI_STAGE_TICK_TO_WIRE, sent_ns - stages->since_ns);
}
