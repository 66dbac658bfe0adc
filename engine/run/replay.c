/* A recorded session through the core library again: the same inputs must give the same outputs, bit for bit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot.h"

struct replay {
    struct core *core;
    struct core_setup setup;
    struct core_out out;
    uint32_t expected; /* next output of `out` that the journal must show */
    bool living;       /* behind SNAPSHOT_END */
    uint64_t inputs, outputs, quotes;
    uint64_t input_seq;
};

static bool is_input(uint16_t type) {
    return type == JOURNAL_QUOTE || type == JOURNAL_REPORT || type == JOURNAL_FILL || type == JOURNAL_MARK ||
           type == JOURNAL_TIMER || type == JOURNAL_STATE || type == JOURNAL_BALANCE || type == JOURNAL_STRATEGY ||
           type == JOURNAL_LIMITS;
}

static bool is_output(uint16_t type) {
    return type == JOURNAL_INTENT || type == JOURNAL_ORDER || type == JOURNAL_REFUSAL || type == JOURNAL_EPISODE ||
           type == JOURNAL_EXPOSURE || type == JOURNAL_ALARM || type == JOURNAL_STATE;
}

static int differs(const struct journal_record *record, const char *what) {
    printf("record %llu (type %u, input %llu): %s\n", (unsigned long long)record->seq, record->type,
           (unsigned long long)record->input_seq, what);
    return 1;
}

/* An output stands behind its input with the input's number; ALARM and STATE also stand alone (the engine's own). */
static int check_output(struct replay *replay, const struct journal_record *record) {
    if (replay->expected >= replay->out.count) return differs(record, "the replay does not decide this");
    const struct journal_record *mine = &replay->out.record[replay->expected++];
    if (mine->type != record->type) return differs(record, "the replay decides something else here");
    if (memcmp(mine->payload, record->payload, sizeof mine->payload) != 0)
        return differs(record, "the replay's payload differs");
    replay->outputs++;
    return 0;
}

static int take_input(struct replay *replay, const struct journal_record *record) {
    if (replay->expected != replay->out.count)
        return differs(record, "an output of the replay is not in the journal");
    struct journal_record copy = *record;
    replay->inputs++;
    replay->quotes += record->type == JOURNAL_QUOTE;
    replay->expected = 0;
    if (core_apply(replay->core, &copy, &replay->out) != 0) return differs(record, "the core refuses this input");
    /* FILL and MARK carry results of the core in their own payload. */
    if (memcmp(copy.payload, record->payload, sizeof copy.payload) != 0)
        return differs(record, "the core completes this record differently");
    return 0;
}

static int begin(struct replay *replay) {
    replay->core = aligned_alloc(64, (core_size(&replay->setup) + 63) & ~(size_t)63);
    if (replay->core == NULL) return ERROR_SYSTEM;
    return core_init(replay->core, &replay->setup);
}

static int step(struct replay *replay, const struct journal_record *record) {
    if (!replay->living) {
        bool table = snapshot_table(&replay->setup, record);
        if (table) return 0;
        if (replay->core == NULL && begin(replay) != 0) return differs(record, "the tables are refused");
        if (record->type == JOURNAL_SNAPSHOT_END)
            replay->living = true;
        else if (core_restore(replay->core, record, 0) != 0)
            return differs(record, "the snapshot is refused");
        return 0;
    }
    /* What the core put out carries its input's number; the numbers of inputs only grow. */
    bool caused = record->input_seq != 0 && record->input_seq == replay->input_seq;
    if (is_output(record->type) && caused && replay->expected < replay->out.count)
        return check_output(replay, record);
    if (is_input(record->type) && record->input_seq != 0) {
        replay->input_seq = record->input_seq;
        return take_input(replay, record);
    }
    return 0; /* COMMAND, CONFIG, STOP, the engine's own alarms */
}

int engine_replay(const char *journal_dir, uint64_t generation, bool quiet) {
    struct error_trail trail = {0};
    if (generation == 0) generation = journal_latest_generation(journal_dir);
    struct journal_reader *reader = journal_reader_open(journal_dir, generation, &trail);
    struct replay *replay = aligned_alloc(64, (sizeof *replay + 63) & ~(size_t)63);
    if (reader == NULL || replay == NULL) {
        printf("%s\n", trail.text);
        return 2;
    }
    memset(replay, 0, sizeof *replay);
    struct journal_record record;
    int code = 0, got;
    while (code == 0 && (got = journal_reader_next(reader, &record)) == 1)
        code = step(replay, &record);
    if (code == 0 && !quiet)
        printf("generation %llu: %llu inputs (%llu quotes), %llu decisions, all the same%s\n",
               (unsigned long long)generation, (unsigned long long)replay->inputs,
               (unsigned long long)replay->quotes, (unsigned long long)replay->outputs,
               journal_reader_torn(reader) ? "; the last record is torn" : "");
    if (code != 0 && !journal_reader_is_ours(reader))
        printf("another build of the engine wrote this journal (version %.31s, with another journal.h): where the "
               "rules of decision have changed since, only that build decides it the same way\n",
               journal_reader_head(reader)->version);
    if (code != 0 && replay->quotes == 0)
        printf("no quote was recorded in this generation (record_quotes in engine.json): it cannot be replayed\n");
    journal_reader_close(reader);
    free(replay->core);
    free(replay);
    return code == 0 ? 0 : 1;
}
