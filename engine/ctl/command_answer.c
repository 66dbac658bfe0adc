#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/hash.h"
#include "../base/log.h"
#include "command_parts.h"

static const char *status_word(enum command_status status) {
    assert(status >= COMMAND_DONE && status <= COMMAND_REFUSED); /* a handler must set it */
    switch (status) {
    case COMMAND_DONE:
        return "done";
    case COMMAND_ACCEPTED:
        return "accepted";
    case COMMAND_REFUSED:
        return "refused";
    }
    return "refused";
}

/* Sentences may quote bytes of a request that were cut in the middle of a character. */
static json_t *sentence(const char *text) {
    json_t *value = json_string(text);
    if (value != NULL) return value;
    char ascii[sizeof((struct command_answer *)0)->message];
    snprintf(ascii, sizeof ascii, "%s", text);
    for (char *c = ascii; *c != '\0'; c++)
        if ((uint8_t)*c >= 0x80) *c = '?';
    return json_string(ascii);
}

static json_t *data_of(const struct command_answer *answer) {
    if (answer->data[0] == '\0') return json_object();
    json_error_t error;
    json_t *data = json_loads(answer->data, 0, &error);
    if (json_is_object(data)) return data;
    /* What was done stays done: the answer goes out without its data. */
    log_write(LOG_ERROR, "commands: the data of an answer is no JSON object: %s", error.text);
    json_decref(data);
    return json_object();
}

static char *print_answer(const char *id, const struct command_answer *answer, json_t *data,
                          const char *config_hash, uint64_t state_version) {
    json_t *root =
        json_pack("{s:o,s:s,s:o,s:o,s:o,s:s,s:I}", "id", sentence(id), "status", status_word(answer->status),
                  "code", sentence(answer->code), "message", sentence(answer->message), "data", data, "config_hash",
                  config_hash, "state_version", (json_int_t)state_version);
    char *text = json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(root);
    return text;
}

size_t command_answer_frame(const char *id, const struct command_answer *answer, const char *config_hash,
                            uint64_t state_version, uint8_t *frame) {
    char *text = print_answer(id, answer, data_of(answer), config_hash, state_version);
    if (text != NULL && strlen(text) > COMMAND_SIZE_MAX) {
        log_write(LOG_ERROR, "commands: the data of an answer has %zu bytes and is left out", strlen(text));
        free(text);
        text = print_answer(id, answer, json_object(), config_hash, state_version);
    }
    assert(text != NULL);
    uint32_t size = (uint32_t)strlen(text);
    assert(size <= COMMAND_SIZE_MAX);
    for (size_t i = 0; i < COMMAND_HEAD_SIZE; i++)
        frame[i] = (uint8_t)(size >> (8 * i));
    memcpy(frame + COMMAND_HEAD_SIZE, text, size);
    free(text);
    return COMMAND_HEAD_SIZE + size;
}

struct kept_answer {
    char id[40];
    uint8_t request_hash[32]; /* of command and args: the same id must mean the same request */
    uint8_t *frame;
    size_t size;
};

struct command_memory {
    uint32_t next;
    struct kept_answer answer[COMMAND_ANSWERS_KEPT];
};

static void hash_request(const struct command_request *request, uint8_t out[32]) {
    size_t command_size = strlen(request->command) + 1;
    size_t args_size = strlen(request->args);
    uint8_t *joined = malloc(command_size + args_size);
    assert(joined != NULL);
    memcpy(joined, request->command, command_size);
    memcpy(joined + command_size, request->args, args_size);
    hash_sha256(joined, command_size + args_size, out);
    free(joined);
}

struct command_memory *command_memory_create(void) {
    return calloc(1, sizeof(struct command_memory));
}

int command_memory_find(const struct command_memory *memory, const struct command_request *request,
                        const uint8_t **frame, size_t *size) {
    for (uint32_t i = 0; i < COMMAND_ANSWERS_KEPT; i++) {
        const struct kept_answer *kept = &memory->answer[i];
        if (kept->frame == NULL || strcmp(kept->id, request->id) != 0) continue;
        uint8_t hash[32];
        hash_request(request, hash);
        if (memcmp(hash, kept->request_hash, sizeof hash) != 0) return ERROR_MISMATCH;
        *frame = kept->frame;
        *size = kept->size;
        return 0;
    }
    return ERROR_NOT_FOUND;
}

void command_memory_keep(struct command_memory *memory, const struct command_request *request, const uint8_t *frame,
                         size_t size) {
    struct kept_answer *kept = &memory->answer[memory->next];
    memory->next = (memory->next + 1) % COMMAND_ANSWERS_KEPT;
    free(kept->frame);
    kept->frame = malloc(size);
    assert(kept->frame != NULL);
    memcpy(kept->frame, frame, size);
    kept->size = size;
    memcpy(kept->id, request->id, sizeof kept->id);
    hash_request(request, kept->request_hash);
}

void command_memory_free(struct command_memory *memory) {
    if (memory == NULL) return;
    for (uint32_t i = 0; i < COMMAND_ANSWERS_KEPT; i++)
        free(memory->answer[i].frame);
    free(memory);
}
