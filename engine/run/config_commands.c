#include "config_commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/hash.h"
#include "../base/text.h"

static void refused(struct command_answer *answer, const char *code, const char *message) {
    answer->status = COMMAND_REFUSED;
    text_copy(answer->code, sizeof answer->code, code);
    text_copy(answer->message, sizeof answer->message, message);
}

static char *read_file(const char *path, size_t *size, struct error_trail *trail) {
    FILE *file = fopen(path, "rb");
    char *text = malloc(SETTINGS_TEXT_SIZE_MAX + 1);
    *size = 0;
    if (file == NULL || text == NULL) {
        error_set(trail, ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    } else {
        *size = fread(text, 1, SETTINGS_TEXT_SIZE_MAX + 1, file);
        if (ferror(file) || *size > SETTINGS_TEXT_SIZE_MAX)
            error_set(trail, ERROR_RANGE, "%s cannot be read or is too large", path);
    }
    if (file != NULL) fclose(file);
    if (trail->code != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* Instances may change their parameters while running; their number, names and kinds at the next start. */
static int same_instances(const struct engine *engine, const struct settings_strategies *candidate,
                          struct error_trail *trail) {
    if (candidate->count != engine->strategies.count)
        return error_set(trail, ERROR_REFUSED,
                         "strategies: %u instances, running %u: instances are added or removed at the next start",
                         candidate->count, engine->strategies.count);
    for (uint32_t i = 0; i < candidate->count; i++)
        if (strcmp(candidate->strategy[i].name, engine->strategies.strategy[i].name) != 0 ||
            strcmp(candidate->strategy[i].kind, engine->strategies.strategy[i].kind) != 0)
            return error_set(trail, ERROR_REFUSED,
                             "strategies[%u] is \"%s\", running \"%s\": instances change at the next start", i,
                             candidate->strategy[i].name, engine->strategies.strategy[i].name);
    return 0;
}

static int tell_config(struct engine *engine, const struct command_request *request,
                       const struct settings_strategies *candidate) {
    struct to_hot message;
    memset(&message, 0, sizeof message);
    message.kind = TO_HOT_INPUT;
    message.record.type = JOURNAL_CONFIG;
    struct journal_config *config = (struct journal_config *)message.record.payload;
    config->config_version = ++engine->config_version;
    memcpy(config->hash, candidate->hash, sizeof config->hash);
    memcpy(config->previous_hash, engine->strategies.hash, sizeof config->previous_hash);
    text_copy(config->actor, sizeof config->actor, request->actor);
    return engine_tell(engine, LANE_CONTROL, &message, true);
}

static int tell_params(struct engine *engine, const struct settings_strategies *from,
                       const struct settings_strategies *to) {
    for (uint32_t i = 0; i < to->count; i++) {
        if (memcmp(&from->strategy[i].params, &to->strategy[i].params, sizeof to->strategy[i].params) == 0)
            continue;
        struct to_hot message;
        memset(&message, 0, sizeof message);
        message.kind = TO_HOT_PARAMS;
        message.index = i;
        message.params = to->strategy[i].params;
        int code = engine_tell(engine, LANE_CONTROL, &message, true);
        if (code != 0) return code;
    }
    return 0;
}

static void config_answer(struct engine *engine, struct command_answer *answer, const char *what) {
    char now[65];
    hash_hex(engine->strategies.hash, sizeof engine->strategies.hash, now);
    answer->status = COMMAND_DONE;
    snprintf(answer->code, sizeof answer->code, "OK");
    snprintf(answer->message, sizeof answer->message, "%s Configuration is now %.12s.", what, now);
    snprintf(answer->data, sizeof answer->data, "{\"config_hash\": \"%s\"}", now);
}

void config_update(struct engine *engine, const struct command_request *request, struct command_answer *answer) {
    struct error_trail trail = {0};
    char name[32] = "", updates[16384], *candidate_text = NULL;
    bool named = command_arg_text(request, "strategy", name, sizeof name, NULL) == 0;
    if (command_arg_json(request, "updates", updates, sizeof updates, &trail) != 0) {
        refused(answer, "BAD_ARGUMENT",
                "args.updates is needed: an object of parameters, like {\"min_spread_bps\": 20}.");
        return;
    }
    size_t size;
    char *text = read_file(engine->paths.strategies_json, &size, &trail);
    if (text == NULL) {
        refused(answer, "CONFIG", trail.text);
        return;
    }
    uint8_t on_disk[32];
    hash_sha256(text, size, on_disk);
    struct settings_strategies *candidate = calloc(1, sizeof *candidate);
    int code = candidate == NULL ? ERROR_SYSTEM : 0;
    if (code == 0 && memcmp(on_disk, engine->strategies.hash, sizeof on_disk) != 0)
        code =
            error_set(&trail, ERROR_MISMATCH,
                      "strategies.json was edited by hand since it was read: reload it (or undo the edit) first");
    if (code == 0)
        code = settings_update_strategies(text, size, named ? name : NULL, updates, &candidate_text, candidate,
                                          &trail);
    if (code == 0) code = settings_bind(candidate, &engine->settings, &trail);
    if (code == 0) code = same_instances(engine, candidate, &trail);
    free(text);
    if (code != 0) {
        refused(answer, "CONFIG", trail.text);
    } else if ((code = tell_params(engine, &engine->strategies, candidate)) != 0) {
        (void)tell_params(engine, candidate, &engine->strategies); /* nothing half-applied */
        refused(answer, "BUSY", error_text(code));
    } else if (settings_write_atomically(engine->paths.strategies_json, candidate_text, strlen(candidate_text),
                                         &trail) != 0) {
        (void)tell_params(engine, candidate, &engine->strategies);
        refused(answer, "CONFIG", trail.text);
    } else {
        (void)tell_config(engine, request, candidate);
        engine->strategies = *candidate;
        config_answer(engine, answer, "Applied and written.");
    }
    free(candidate_text);
    free(candidate);
}

void config_reload(struct engine *engine, const struct command_request *request, struct command_answer *answer) {
    struct error_trail trail = {0};
    struct settings_strategies *candidate = calloc(1, sizeof *candidate);
    int code = candidate == NULL ? error_set(&trail, ERROR_SYSTEM, "no memory") : 0;
    if (code == 0) code = settings_read_strategies(engine->paths.strategies_json, candidate, &trail);
    if (code == 0) code = settings_bind(candidate, &engine->settings, &trail);
    if (code == 0) code = same_instances(engine, candidate, &trail);
    if (code != 0) {
        refused(answer, "CONFIG", trail.text);
    } else if (memcmp(candidate->hash, engine->strategies.hash, sizeof candidate->hash) == 0) {
        config_answer(engine, answer, "The file has not changed.");
    } else if ((code = tell_params(engine, &engine->strategies, candidate)) != 0) {
        (void)tell_params(engine, candidate, &engine->strategies);
        refused(answer, "BUSY", error_text(code));
    } else {
        (void)tell_config(engine, request, candidate);
        engine->strategies = *candidate;
        config_answer(engine, answer, "Reloaded.");
    }
    free(candidate);
}

static bool confirmed(const struct engine *engine, const struct command_request *request) {
    char word[64] = "";
    (void)command_arg_text(request, "confirm", word, sizeof word, NULL);
    return strcmp(word, engine->settings.instance) == 0;
}

void config_set_limits(struct engine *engine, const struct command_request *request,
                       struct command_answer *answer) {
    struct error_trail trail = {0};
    char updates[16384], *candidate_text = NULL;
    if (command_arg_json(request, "updates", updates, sizeof updates, &trail) != 0) {
        refused(answer, "BAD_ARGUMENT",
                "args.updates is needed: an object of risk limits, like {\"max_open_pairs\": 2}.");
        return;
    }
    size_t size;
    char *text = read_file(engine->paths.engine_json, &size, &trail);
    if (text == NULL) {
        refused(answer, "CONFIG", trail.text);
        return;
    }
    struct settings_engine *candidate = calloc(1, sizeof *candidate);
    bool loosened = false;
    int code = candidate == NULL ? error_set(&trail, ERROR_SYSTEM, "no memory") : 0;
    if (code == 0)
        code = settings_update_limits(text, size, updates, &candidate_text, candidate, &loosened, &trail);
    /* Also by hand, in the file: what it held at start is what runs. */
    if (code == 0) loosened |= settings_limits_loosened(&engine->settings.limits, &candidate->limits);
    free(text);
    struct to_hot message;
    memset(&message, 0, sizeof message);
    message.kind = TO_HOT_LIMITS;
    if (code == 0) message.limits = candidate->limits;
    if (code != 0) {
        refused(answer, "CONFIG", trail.text);
    } else if (loosened && command_view_is_old(engine, request)) {
        refused(answer, "STALE_VIEW", "The engine changed since you looked: look again, then repeat set_limits.");
    } else if (loosened && !confirmed(engine, request)) {
        refused(answer, "CONFIRMATION", "This loosens a limit: confirm with args.confirm = the instance's name.");
    } else if ((code = engine_tell(engine, LANE_CONTROL, &message, true)) != 0) {
        refused(answer, "BUSY", error_text(code));
    } else if (settings_write_atomically(engine->paths.engine_json, candidate_text, strlen(candidate_text),
                                         &trail) != 0) {
        message.limits = engine->settings.limits;
        (void)engine_tell(engine, LANE_CONTROL, &message, true);
        refused(answer, "CONFIG", trail.text);
    } else {
        engine->settings.limits = candidate->limits;
        config_answer(engine, answer, loosened ? "Limits loosened." : "Limits applied.");
    }
    free(candidate_text);
    free(candidate);
}
