#include <stdarg.h>
#include <stdio.h>

#include "state.h"

/* Most records that one decision or one step of a pair can bring: order, intent, exposure, episode, alarms. */
#define RECORDS_PER_STEP       8
#define ORDERS_PER_STEP        3
/* Its own episode, the one it follows in the same direction, and the one that makes room for it. */
#define OPPORTUNITIES_PER_STEP 3

void out_reset(struct core_out *out) {
    out->count = 0;
    out->opportunity_count = 0;
    out->order_count = 0;
    out->fill_count = 0;
    out->overflow = 0;
    out->state_changed = 0;
    out->detected_ns = 0;
}

bool out_has_room(const struct core_out *out) {
    return out == NULL ||
           (out->count + RECORDS_PER_STEP <= CORE_OUT_MAX && out->opportunity_count + OPPORTUNITIES_PER_STEP <= 8 &&
            out->order_count + ORDERS_PER_STEP <= 8);
}

void out_state_changed(struct core_out *out) {
    if (out != NULL) out->state_changed = 1;
}

void alarm_raise(struct core *core, struct core_out *out, uint32_t severity, const char *code, const char *format,
                 ...) {
    if (core->restoring) return; /* it was raised when it happened */
    struct journal_alarm *alarm = out_record(core, out, JOURNAL_ALARM);
    alarm->severity = severity;
    size_t size = strlen(code);
    memcpy(alarm->code, code, size < sizeof alarm->code ? size : sizeof alarm->code - 1);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(alarm->text, sizeof alarm->text, format, arguments);
    va_end(arguments);
    count(core, ABI_COUNTER_ALARMS);
}

void trading_halt(struct core *core, struct core_out *out, const char *code, const char *reason) {
    alarm_raise(core, out, ABI_ALARM_CRITICAL, code, "%s", reason);
    if (core->trading_state != ABI_STATE_ACTIVE && core->trading_state != ABI_STATE_REDUCING) return;
    core->trading_state = ABI_STATE_HALTED;
    out_state_changed(out);
}
