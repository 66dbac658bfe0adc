/* What each command does. Runs on the control thread; changes reach the core through the hot thread between two
 * events. The safe direction is never refused for an old view, the risky one always is. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/hash.h"
#include "../base/log.h"
#include "../base/text.h"
#include "config_commands.h"
#include "engine.h"

enum direction { READ, SAFE, RISKY };

static void refuse(struct command_answer *answer, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void refuse(struct command_answer *answer, const char *code, const char *format, ...) {
    answer->status = COMMAND_REFUSED;
    text_copy(answer->code, sizeof answer->code, code);
    va_list args;
    va_start(args, format);
    vsnprintf(answer->message, sizeof answer->message, format, args);
    va_end(args);
}

static void done(struct command_answer *answer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void done(struct command_answer *answer, const char *format, ...) {
    answer->status = COMMAND_DONE;
    snprintf(answer->code, sizeof answer->code, "OK");
    va_list args;
    va_start(args, format);
    vsnprintf(answer->message, sizeof answer->message, format, args);
    va_end(args);
}

/* A full queue changed nothing; silence means that it is in the queue and will be done. */
static void not_confirmed(struct command_answer *answer, int code) {
    if (code != ERROR_TIMEOUT) {
        refuse(answer, "BUSY", "The hot thread takes no more at the moment, nothing was changed: %s.",
               error_text(code));
        return;
    }
    done(answer, "The hot thread has not confirmed it within 2 s; it is done when it goes on. Watch the state.");
    answer->status = COMMAND_ACCEPTED;
}

/* ---- states ---- */

static bool tell_state(struct engine *engine, const struct command_request *request, enum journal_state_what what,
                       uint32_t index, uint32_t value, const char *reason, struct command_answer *answer) {
    struct to_hot message;
    memset(&message, 0, sizeof message);
    message.kind = TO_HOT_INPUT;
    message.record.type = JOURNAL_STATE;
    message.record.time_ns = clock_mono_ns();
    struct journal_state *state = (struct journal_state *)message.record.payload;
    state->what = (uint32_t)what;
    state->index = index;
    state->new_value = value;
    text_copy(state->actor, sizeof state->actor, request->actor);
    text_copy(state->reason, sizeof state->reason, reason);
    int code = engine_tell(engine, LANE_CONTROL, &message, true);
    if (code != 0) not_confirmed(answer, code);
    return code == 0;
}

static int find_strategy(const struct engine *engine, const struct command_request *request, char name[32],
                         struct command_answer *answer) {
    struct error_trail trail = {0};
    if (command_arg_text(request, "strategy", name, 32, &trail) != 0) {
        refuse(answer, "BAD_ARGUMENT", "args.strategy is needed: the name of a strategy.%s%s",
               trail.text[0] ? " " : "", trail.text);
        return -1;
    }
    for (uint32_t i = 0; i < engine->setup.strategy_count; i++)
        if (strcmp(engine->setup.strategy_name[i], name) == 0) return (int)i;
    char list[256] = "";
    for (uint32_t i = 0; i < engine->setup.strategy_count; i++) {
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s%s", i == 0 ? "" : ", ", engine->setup.strategy_name[i]);
    }
    refuse(answer, "NOT_FOUND", "args.strategy = \"%s\": there is no such strategy; there are: %s.", name, list);
    return -1;
}

static int find_venue(const struct engine *engine, const struct command_request *request, char name[32],
                      struct command_answer *answer) {
    struct error_trail trail = {0};
    if (command_arg_text(request, "venue", name, 32, &trail) != 0) {
        refuse(answer, "BAD_ARGUMENT", "args.venue is needed: the name of a venue.");
        return -1;
    }
    for (uint32_t v = 0; v < engine->setup.venue_count; v++)
        if (strcmp(engine->setup.venue[v].name, name) == 0) return (int)v;
    refuse(answer, "NOT_FOUND", "args.venue = \"%s\": there is no such venue.", name);
    return -1;
}

static void strategy_to(struct engine *engine, const struct command_request *request, uint32_t state,
                        const char *word, struct command_answer *answer) {
    char name[32];
    int index = find_strategy(engine, request, name, answer);
    if (index < 0) return;
    if (atomic_load(&engine->strategy_state[index]) == state) {
        done(answer, "%s is already %s.", name, word);
        return;
    }
    if (tell_state(engine, request, JOURNAL_STATE_STRATEGY, (uint32_t)index, state, "by command", answer)) {
        uint32_t trading = atomic_load(&engine->trading_state);
        done(answer, "%s is %s%s.", name, word,
             state == ABI_STRATEGY_RUNNING && trading != ABI_STATE_ACTIVE
                 ? ", but the engine is not ACTIVE: it will not trade"
                 : "");
    }
}

static void start_strategy(struct engine *engine, const struct command_request *request,
                           struct command_answer *answer) {
    strategy_to(engine, request, ABI_STRATEGY_RUNNING, "running", answer);
}
static void stop_strategy(struct engine *engine, const struct command_request *request,
                          struct command_answer *answer) {
    strategy_to(engine, request, ABI_STRATEGY_STOPPED, "stopped", answer);
}
static void pause_strategy(struct engine *engine, const struct command_request *request,
                           struct command_answer *answer) {
    strategy_to(engine, request, ABI_STRATEGY_PAUSED, "paused", answer);
}

/* While the engine starts it can be told to stay still, but not to trade. */
static bool may_enter(struct engine *engine, uint32_t state, struct command_answer *answer) {
    if (atomic_load(&engine->trading_state) == ABI_STATE_KILLED) {
        refuse(answer, "WRONG_STATE", "The kill switch is latched: clear_kill first, then arm.");
        return false;
    }
    if (state == ABI_STATE_ACTIVE && !atomic_load(&engine->recovery_done)) {
        refuse(answer, "WRONG_STATE", "The engine is still starting: it recovers and connects first.");
        return false;
    }
    return true;
}

static void trading_to(struct engine *engine, const struct command_request *request, uint32_t state,
                       const char *reason, const char *sentence, struct command_answer *answer) {
    if (!may_enter(engine, state, answer)) return;
    if (tell_state(engine, request, JOURNAL_STATE_TRADING, 0, state, reason, answer)) done(answer, "%s", sentence);
}

static void pause_trading(struct engine *engine, const struct command_request *request,
                          struct command_answer *answer) {
    trading_to(engine, request, ABI_STATE_HALTED, "paused by command",
               "No new arbitrage; hedges and cancels go on.", answer);
}
static void reduce_only(struct engine *engine, const struct command_request *request,
                        struct command_answer *answer) {
    trading_to(engine, request, ABI_STATE_REDUCING, "reduce only by command", "Only orders that reduce a residual.",
               answer);
}
static void resume_trading(struct engine *engine, const struct command_request *request,
                           struct command_answer *answer) {
    trading_to(engine, request, ABI_STATE_ACTIVE, "resumed by command", "The engine is ACTIVE.", answer);
}
static void disarm(struct engine *engine, const struct command_request *request, struct command_answer *answer) {
    trading_to(engine, request, ABI_STATE_HALTED, "disarmed by command",
               "Disarmed: no new arbitrage until it is armed.", answer);
}

static bool confirmed(struct engine *engine, const struct command_request *request, struct command_answer *answer) {
    char word[64] = "";
    (void)command_arg_text(request, "confirm", word, sizeof word, NULL);
    if (strcmp(word, engine->settings.instance) == 0) return true;
    refuse(answer, "CONFIRMATION", "args.confirm = \"%s\": type the instance's name, \"%s\", to confirm.", word,
           engine->settings.instance);
    return false;
}

static void arm(struct engine *engine, const struct command_request *request, struct command_answer *answer) {
    if (engine->settings.mode != ABI_MODE_SIM && !confirmed(engine, request, answer)) return;
    trading_to(engine, request, ABI_STATE_ACTIVE, "armed by command", "Armed: the engine is ACTIVE.", answer);
}

/* The latch on disk comes second: silence first. It is synced before the answer, and written also when the hot thread
 * is stuck: what is started again then stays silent. */
static int latch(struct engine *engine, const char *reason) {
    int fd = open(engine->paths.kill_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return ERROR_SYSTEM;
    int code = write(fd, reason, strlen(reason)) < 0 || fsync(fd) != 0 ? ERROR_SYSTEM : 0;
    close(fd);
    return code;
}

static void kill_trading(struct engine *engine, const struct command_request *request,
                         struct command_answer *answer) {
    char reason[80] = "killed by command";
    (void)command_arg_text(request, "reason", reason, sizeof reason, NULL);
    bool silent = tell_state(engine, request, JOURNAL_STATE_KILL, 0, 1, reason, answer);
    engine->kill_latched = true;
    uint32_t open_pairs = atomic_load(&engine->open_pairs);
    const char *disk =
        latch(engine, reason) == 0 ? "" : " The latch could not be written to disk: it will not survive a restart.";
    if (!silent) {
        snprintf(answer->message + strlen(answer->message), sizeof answer->message - strlen(answer->message),
                 " A restart stays killed.%s", disk);
        return;
    }
    done(answer, "Killed: no order leaves any more. %u pair%s of orders still open at the venues.%s", open_pairs,
         open_pairs == 1 ? "" : "s", disk);
}

static void clear_kill(struct engine *engine, const struct command_request *request,
                       struct command_answer *answer) {
    if (atomic_load(&engine->trading_state) != ABI_STATE_KILLED) {
        done(answer, "The kill switch is not latched.");
        return;
    }
    if (!confirmed(engine, request, answer)) return;
    if (unlink(engine->paths.kill_file) != 0 && errno != ENOENT) {
        refuse(answer, "BUSY", "The latch file cannot be removed: %s.", strerror(errno));
        return;
    }
    engine->kill_latched = false;
    if (tell_state(engine, request, JOURNAL_STATE_KILL, 0, 0, "kill cleared by command", answer) &&
        tell_state(engine, request, JOURNAL_STATE_TRADING, 0, ABI_STATE_HALTED, "kill cleared, not armed", answer))
        done(answer, "The kill switch is cleared. The engine is HALTED until it is armed.");
}

/* ---- venues, symbols, alarms ---- */

static void venue_switch(struct engine *engine, const struct command_request *request, bool off,
                         struct command_answer *answer) {
    char name[32];
    int index = find_venue(engine, request, name, answer);
    if (index < 0) return;
    struct to_hot message;
    memset(&message, 0, sizeof message);
    message.kind = TO_HOT_VENUE_OFF;
    message.venue = (uint32_t)index;
    message.number = off;
    struct journal_state *by = (struct journal_state *)message.record.payload;
    text_copy(by->actor, sizeof by->actor, request->actor);
    int code = engine_tell(engine, LANE_CONTROL, &message, true);
    if (code != 0)
        not_confirmed(answer, code);
    else
        done(answer, off ? "%s is OFF: no new arbitrage there." : "%s is switched on.", name);
}
static void venue_off(struct engine *engine, const struct command_request *request, struct command_answer *answer) {
    venue_switch(engine, request, true, answer);
}
static void venue_on(struct engine *engine, const struct command_request *request, struct command_answer *answer) {
    venue_switch(engine, request, false, answer);
}

static void release(struct engine *engine, const struct command_request *request, struct command_answer *answer) {
    char name[32] = "";
    (void)command_arg_text(request, "symbol", name, sizeof name, NULL);
    for (uint32_t s = 0; s < engine->setup.symbol_count; s++) {
        if (strcmp(engine->setup.symbol[s].name, name) != 0) continue;
        if (tell_state(engine, request, JOURNAL_STATE_RELEASE, s, 1, "released by command", answer))
            done(answer, "%s may trade again.", name);
        return;
    }
    refuse(answer, "NOT_FOUND", "args.symbol = \"%s\": there is no such symbol.", name);
}

static void ack_alarm(struct engine *engine, const struct command_request *request, struct command_answer *answer) {
    struct error_trail trail = {0};
    int64_t id;
    if (command_arg_integer(request, "alarm", &id, &trail) != 0 || id <= 0) {
        refuse(answer, "BAD_ARGUMENT", "args.alarm is needed: the id of an alarm, a positive integer.");
        return;
    }
    struct to_hot message;
    memset(&message, 0, sizeof message);
    message.kind = TO_HOT_ACK_ALARM;
    message.number = id;
    int code = engine_tell(engine, LANE_CONTROL, &message, true);
    if (code != 0)
        not_confirmed(answer, code);
    else
        done(answer, "Alarm %lld is acknowledged.", (long long)id);
}

static void shutdown_engine(struct engine *engine, const struct command_request *request,
                            struct command_answer *answer) {
    (void)request;
    atomic_store(&engine->stopping, true);
    answer->status = COMMAND_ACCEPTED;
    snprintf(answer->code, sizeof answer->code, "OK");
    snprintf(answer->message, sizeof answer->message, "The engine finishes what is open (at most 5 s) and ends.");
}

static void status(struct engine *engine, const struct command_request *request, struct command_answer *answer) {
    (void)request;
    static const char *const word[] = {"?", "STARTING", "HALTED", "REDUCING", "ACTIVE", "KILLED"};
    uint32_t state = atomic_load(&engine->trading_state);
    done(answer, "%s.", word[state < 6 ? state : 0]);
    snprintf(
        answer->data, sizeof answer->data,
        "{\"instance\": \"%s\", \"mode\": \"SIM\", \"generation\": %llu, \"state\": \"%s\", \"open_pairs\": %u, "
        "\"killed\": %s}",
        engine->settings.instance, (unsigned long long)engine->generation, word[state < 6 ? state : 0],
        atomic_load(&engine->open_pairs), engine->kill_latched ? "true" : "false");
}

/* ---- the table ---- */

struct command {
    const char *name;
    enum direction direction;
    void (*run)(struct engine *engine, const struct command_request *request, struct command_answer *answer);
    const char *const *allowed; /* names of arguments */
};

static const char *const no_args[] = {NULL};
static const char *const strategy_args[] = {"strategy", NULL};
static const char *const venue_args[] = {"venue", NULL};
static const char *const symbol_args[] = {"symbol", NULL};
static const char *const confirm_args[] = {"confirm", NULL};
static const char *const reason_args[] = {"reason", NULL};
static const char *const alarm_args[] = {"alarm", NULL};
static const char *const update_args[] = {"strategy", "updates", NULL};
static const char *const limit_args[] = {"updates", "confirm", NULL};

static const struct command commands[] = {
    {"status", READ, status, no_args},
    {"start_strategy", RISKY, start_strategy, strategy_args},
    {"stop_strategy", SAFE, stop_strategy, strategy_args},
    {"pause_strategy", SAFE, pause_strategy, strategy_args},
    {"pause", SAFE, pause_trading, no_args},
    {"reduce_only", SAFE, reduce_only, no_args},
    {"resume", RISKY, resume_trading, no_args},
    {"arm", RISKY, arm, confirm_args},
    {"disarm", SAFE, disarm, no_args},
    {"kill", SAFE, kill_trading, reason_args},
    {"clear_kill", RISKY, clear_kill, confirm_args},
    {"venue_off", SAFE, venue_off, venue_args},
    {"venue_on", RISKY, venue_on, venue_args},
    {"release", RISKY, release, symbol_args},
    {"update_config", RISKY, config_update, update_args},
    {"set_limits", SAFE, config_set_limits, limit_args},
    {"reload", RISKY, config_reload, no_args},
    {"ack_alarm", SAFE, ack_alarm, alarm_args},
    {"shutdown", SAFE, shutdown_engine, no_args},
};

static const char *const reserved[] = {"cancel_all",    "flatten",         "complete_leg",  "unwind_leg",
                                       "resolve_order", "record_transfer", "adopt_balance", "drill"};

bool command_view_is_old(struct engine *engine, const struct command_request *request) {
    char hex[65];
    hash_hex(engine->strategies.hash, sizeof engine->strategies.hash, hex);
    if (request->config_hash[0] != '\0' && strcmp(request->config_hash, hex) != 0) return true;
    return request->state_version >= 0 && (uint64_t)request->state_version != atomic_load(&engine->state_version);
}

static void dispatch(struct engine *engine, const struct command_request *request, struct command_answer *answer) {
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const struct command *command = &commands[i];
        if (strcmp(command->name, request->command) != 0) continue;
        struct error_trail trail = {0};
        /* A kill with a misspelt argument is still a kill. */
        if (command->run != kill_trading && command_arg_only(request, command->allowed, &trail) != 0)
            refuse(answer, "BAD_ARGUMENT", "%s", trail.text);
        else if (command->direction == RISKY && command_view_is_old(engine, request))
            refuse(answer, "STALE_VIEW", "The engine changed since you looked: look again, then repeat %s.",
                   command->name);
        else
            command->run(engine, request, answer);
        return;
    }
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(reserved[i], request->command) == 0) {
            refuse(answer, "NOT_IN_THIS_RELEASE", "%s is not in this release.", request->command);
            return;
        }
    refuse(answer, "UNKNOWN_COMMAND", "There is no command \"%s\".", request->command);
}

static void journal_command(struct engine *engine, const struct command_request *request,
                            const struct command_answer *answer) {
    struct to_hot message;
    memset(&message, 0, sizeof message);
    message.kind = TO_HOT_INPUT;
    message.record.type = JOURNAL_COMMAND;
    struct journal_command *record = (struct journal_command *)message.record.payload;
    record->status = (uint32_t)answer->status;
    text_copy(record->id, sizeof record->id, request->id);
    text_copy(record->command, sizeof record->command, request->command);
    text_copy(record->actor, sizeof record->actor, request->actor);
    text_copy(record->code, sizeof record->code, answer->code);
    snprintf(record->args, sizeof record->args, "%.79s", request->args);
    (void)engine_tell(engine, LANE_CONTROL, &message, true);
}

void engine_command(void *context, const struct command_request *request, struct command_answer *answer) {
    struct engine *engine = context;
    dispatch(engine, request, answer);
    if (strcmp(request->command, "status") != 0) {
        journal_command(engine, request, answer);
        log_write(LOG_INFO, "command %s by %s: %s %s", request->command, request->actor,
                  answer->status == COMMAND_REFUSED ? "refused" : "done", answer->message);
    }
    char hex[65];
    hash_hex(engine->strategies.hash, sizeof engine->strategies.hash, hex);
    command_view(engine->commands, hex, atomic_load(&engine->state_version));
}
