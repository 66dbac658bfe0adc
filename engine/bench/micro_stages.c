/* What measuring latencies in production costs: the calls of run/stages.h and the readings of the clock around them, as
 * the hot thread makes them. */
#include <stdlib.h>

#include "../run/stages.h"
#include "meter.h"

#define MESSAGES_A_COMPLETION 64

static void message(struct stages *stages, bool first, bool has_order, int64_t now_ns) {
    if (first) {
        int64_t seen_ns = clock_mono_ns();
        stages_bytes(stages, seen_ns, seen_ns);
    }
    stages_message(stages);
    stages_stamp(stages, STAMP_FRAMED);
    stages_decoded(stages, now_ns); /* read for the core in any case */
    stages_stamp(stages, STAMP_BOOKED);
    if (has_order) stages_stamp(stages, STAMP_DETECTED);
    stages_decided(stages, has_order);
}

static void tick(struct stages *stages, int64_t index) {
    message(stages, true, true, index);
    int64_t began_ns = clock_mono_ns();
    int64_t ready_ns = clock_mono_ns();
    int64_t sent_ns = clock_mono_ns();
    stages_order(stages, true, began_ns, ready_ns, sent_ns);
    stages_record(stages, ABI_STAGE_LOOP, sent_ns - began_ns);
    stages_turn(stages, sent_ns - began_ns);
}

void micro_stages(struct meter *meter) {
    struct stages stages = {.out = calloc(ABI_STAGE_MAX, sizeof *stages.out)};
    if (stages.out == NULL) return;
    METER(meter, "measure_message_ns", 4096, message(&stages, index % MESSAGES_A_COMPLETION == 0, false, index));
    METER(meter, "measure_tick_ns", 1024, tick(&stages, index));
    meter_sink(stages.out[ABI_STAGE_LOOP].bucket[0]);
    free(stages.out);
}
