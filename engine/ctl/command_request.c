#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "command_parts.h"

/* Brackets outside of texts, counted before the parser recurses into them. */
static bool depth_is_allowed(const char *text, size_t size) {
    int depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < size; i++) {
        if (in_text) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                in_text = false;
            continue;
        }
        if (text[i] == '"') in_text = true;
        if (text[i] == '{' || text[i] == '[') depth++;
        if (text[i] == '}' || text[i] == ']') depth--;
        if (depth > COMMAND_DEPTH_MAX) return false;
    }
    return true;
}

static bool has_control_byte(const char *text) {
    for (; *text != '\0'; text++)
        if ((uint8_t)*text < 0x20 || *text == 0x7f) return true;
    return false;
}

/* A text member of least .. cap-1 bytes; absent is an empty text when least is 0. */
static int read_text(const json_t *root, const char *key, size_t least, char *out, size_t cap,
                     struct error_trail *why) {
    const json_t *value = json_object_get(root, key);
    out[0] = '\0';
    if (value == NULL && least == 0) return 0;
    const char *text = json_string_value(value);
    if (text == NULL || strlen(text) < least || strlen(text) >= cap || has_control_byte(text))
        return error_set(why, ERROR_BAD, "%s must be a text of %zu to %zu bytes without control characters.", key,
                         least, cap - 1);
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int read_view(const json_t *root, struct command_request *request, struct error_trail *why) {
    int result = read_text(root, "config_hash", 0, request->config_hash, sizeof request->config_hash, why);
    if (result != 0) return result;
    size_t size = strlen(request->config_hash);
    if (size != 0 && (size != 64 || strspn(request->config_hash, "0123456789abcdef") != 64))
        return error_set(why, ERROR_BAD, "config_hash must be 64 digits of 0-9 and a-f.");
    const json_t *version = json_object_get(root, "state_version");
    request->state_version = -1;
    if (version == NULL) return 0;
    if (!json_is_integer(version) || json_integer_value(version) < 0)
        return error_set(why, ERROR_BAD, "state_version must be an integer from 0.");
    request->state_version = json_integer_value(version);
    return 0;
}

static int check_members(const json_t *root, struct error_trail *why) {
    static const char *const known[] = {"id", "command", "args", "actor", "config_hash", "state_version"};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)root, key, value) {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            found = found || strcmp(known[i], key) == 0;
        if (!found)
            return error_set(
                why, ERROR_BAD,
                "%.40s is no member of a request; allowed are id, command, args, actor, config_hash and "
                "state_version.",
                key);
    }
    return 0;
}

static int read_args(const json_t *root, struct command_request *request, struct error_trail *why) {
    const json_t *args = json_object_get(root, "args");
    if (args != NULL && !json_is_object(args)) return error_set(why, ERROR_BAD, "args must be an object {...}.");
    request->args = args == NULL ? strdup("{}") : json_dumps(args, JSON_COMPACT | JSON_PRESERVE_ORDER);
    return request->args != NULL ? 0 : error_set(why, ERROR_SYSTEM, "The engine has no memory for the request.");
}

int command_request_read(const char *text, size_t size, struct command_request *request, struct error_trail *why) {
    *request = (struct command_request){.state_version = -1};
    if (!depth_is_allowed(text, size))
        return error_set(why, ERROR_BAD, "The request is nested deeper than %d levels.", COMMAND_DEPTH_MAX);
    json_error_t error;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) return error_set(why, ERROR_BAD, "The request is not valid JSON: %s.", error.text);
    int result = 0;
    if (!json_is_object(root)) result = error_set(why, ERROR_BAD, "The request must be a JSON object.");
    if (result == 0) result = read_text(root, "id", 1, request->id, sizeof request->id, why);
    if (result == 0) result = check_members(root, why);
    if (result == 0) result = read_text(root, "command", 1, request->command, sizeof request->command, why);
    if (result == 0) result = read_text(root, "actor", 0, request->actor, sizeof request->actor, why);
    if (result == 0) result = read_view(root, request, why);
    if (result == 0) result = read_args(root, request, why);
    json_decref(root);
    return result;
}

void command_request_free(struct command_request *request) {
    free((void *)(uintptr_t)request->args);
    request->args = NULL;
}
