#pragma once
/* Records and changed ids into `out`, which may be NULL (restoring). Part of state.h; inline, because a decision writes
 * three records and asks 28 controls. */

/* 8 bytes at a time would be 32 stores, `rep stos` takes longer to start than to finish. */
typedef int64_t clear_lane __attribute__((vector_size(16), aligned(8), may_alias));

/* Sets size (a multiple of 16) bytes to zero; for sizes that the compiler knows. */
static inline __attribute__((always_inline)) void clear(void *place, size_t size) {
    clear_lane *lane = place;
#pragma GCC unroll 32
    for (size_t i = 0; i < size / sizeof *lane; i++)
        lane[i] = (clear_lane){0};
}

_Static_assert(sizeof(struct journal_record) % sizeof(clear_lane) == 0, "a record is cleared in whole lanes");

void out_reset(struct core_out *out);
bool out_has_room(const struct core_out *out); /* for one more decision or hedge, with all it can bring */

static inline void *out_record(struct core *core, struct core_out *out, enum journal_type type) {
    struct journal_record *record = &core->discard;
    if (out != NULL && out->count < CORE_OUT_MAX)
        record = &out->record[out->count++];
    else if (out != NULL)
        out->overflow = 1;
    clear(record, sizeof *record);
    record->type = (uint16_t)type;
    record->version = 1;
    return record->payload;
}

static inline void id_note(struct core_out *out, uint64_t *list, uint32_t *list_count, uint32_t cap, uint64_t id) {
    for (uint32_t i = 0; i < *list_count; i++)
        if (list[i] == id) return;
    if (*list_count < cap)
        list[(*list_count)++] = id;
    else
        out->overflow = 1;
}

static inline void out_opportunity(struct core_out *out, uint64_t id) {
    if (out != NULL) id_note(out, out->opportunity_id, &out->opportunity_count, 8, id);
}

static inline void out_order(struct core_out *out, uint64_t id) {
    if (out != NULL) id_note(out, out->order_id, &out->order_count, 8, id);
}

static inline void out_fill(struct core_out *out, uint64_t id) {
    if (out != NULL) id_note(out, out->fill_id, &out->fill_count, 4, id);
}

void out_state_changed(struct core_out *out);
void alarm_raise(struct core *core, struct core_out *out, uint32_t severity, const char *code, const char *format,
                 ...) __attribute__((format(printf, 5, 6)));
/* ACTIVE or REDUCING becomes HALTED, with a critical alarm. */
void trading_halt(struct core *core, struct core_out *out, const char *code, const char *reason);

/* What a control saw and what it allows, denied or not; a denial ends the decision. Returns `denied`. */
static inline bool gate_deny(struct core *core, struct candidate *candidate, uint32_t code, int64_t value,
                             int64_t limit, bool denied) {
    struct abi_risk_control *control = &core->risk.control[code];
    control->value = value;
    control->limit = limit;
    if (__builtin_expect(!denied, 1)) return false;
    control->denied++;
    candidate->refusal = code;
    candidate->value = value;
    candidate->limit = limit;
    return true;
}
