#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

static json_t *parse_args(const struct command_request *request) {
    return json_loads(request->args, 0, NULL); /* the server printed it: it is an object */
}

static int missing(const char *name, struct error_trail *trail) {
    return error_set(trail, ERROR_NOT_FOUND, "args.%s is missing", name);
}

int command_arg_text(const struct command_request *request, const char *name, char *out, size_t cap,
                     struct error_trail *trail) {
    json_t *args = parse_args(request);
    const json_t *value = json_object_get(args, name);
    const char *text = json_string_value(value);
    int result = 0;
    if (value == NULL)
        result = missing(name, trail);
    else if (text == NULL || text[0] == '\0' || strlen(text) >= cap)
        result = error_set(trail, ERROR_BAD, "args.%s must be a text of 1 to %zu bytes", name, cap - 1);
    else
        memcpy(out, text, strlen(text) + 1);
    json_decref(args);
    return result;
}

int command_arg_integer(const struct command_request *request, const char *name, int64_t *out,
                        struct error_trail *trail) {
    json_t *args = parse_args(request);
    const json_t *value = json_object_get(args, name);
    int result = 0;
    if (value == NULL)
        result = missing(name, trail);
    else if (!json_is_integer(value))
        result = error_set(trail, ERROR_BAD, "args.%s must be an integer", name);
    else
        *out = json_integer_value(value);
    json_decref(args);
    return result;
}

int command_arg_json(const struct command_request *request, const char *name, char *out, size_t cap,
                     struct error_trail *trail) {
    json_t *args = parse_args(request);
    const json_t *value = json_object_get(args, name);
    char *text = value != NULL ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    int result = 0;
    if (value == NULL)
        result = missing(name, trail);
    else if (text == NULL || strlen(text) >= cap)
        result = error_set(trail, ERROR_BAD, "args.%s must have at most %zu bytes of JSON", name, cap - 1);
    else
        memcpy(out, text, strlen(text) + 1);
    free(text);
    json_decref(args);
    return result;
}

int command_arg_only(const struct command_request *request, const char *const *allowed, struct error_trail *trail) {
    json_t *args = parse_args(request);
    const char *key;
    json_t *value;
    int result = 0;
    json_object_foreach(args, key, value) {
        const char *const *name = allowed;
        while (*name != NULL && strcmp(*name, key) != 0)
            name++;
        if (*name != NULL) continue;
        result = error_set(trail, ERROR_BAD, "args.%.40s is no argument of %s", key, request->command);
        break;
    }
    json_decref(args);
    return result;
}
