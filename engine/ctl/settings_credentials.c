/* Keys and secrets of the venues: from the file, from the environment, or from a file of their own that nobody else
 * can read. Their values are never shown. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/ed25519.h"
#include "settings.h"
#include "settings_json.h"

struct credential {
    const char *key; /* "key", "secret" */
    char *out;
    size_t cap;
};

static int refuse(struct error_trail *trail, const json_t *venue, const char *path, const char *key,
                  const char *rule) {
    char field_path[SETTINGS_PATH_SIZE];
    settings_path_key(path, key, field_path);
    const json_t *value = json_object_get(venue, key);
    if (value == NULL) return error_set(trail, ERROR_BAD, "%s is missing: %s", field_path, rule);
    return settings_refuse(trail, ERROR_BAD, field_path, value, rule);
}

static int too_long(struct error_trail *trail, const char *path, const char *key, const char *what, size_t size,
                    size_t cap) {
    char field_path[SETTINGS_PATH_SIZE];
    settings_path_key(path, key, field_path);
    return error_set(trail, ERROR_BAD, "%s: %s has %zu bytes, at most %zu fit", field_path, what, size, cap - 1);
}

static int from_environment(const json_t *venue, const char *path, const char *env_key,
                            const struct credential *credential, struct error_trail *trail) {
    const char *value = getenv(json_string_value(json_object_get(venue, env_key)));
    if (value == NULL || value[0] == '\0')
        return refuse(trail, venue, path, env_key, "this environment variable is not set");
    if (strlen(value) >= credential->cap)
        return too_long(trail, path, env_key, "the value of this environment variable", strlen(value),
                        credential->cap);
    memcpy(credential->out, value, strlen(value) + 1);
    return 0;
}

/* Without the line end that editors leave. */
static int from_file(const json_t *venue, const char *path, const char *file_key,
                     const struct credential *credential, struct error_trail *trail) {
    char rule[160];
    struct stat status;
    int fd = open(json_string_value(json_object_get(venue, file_key)), O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 || fstat(fd, &status) != 0 ? -1 : read(fd, credential->out, credential->cap);
    int failure = errno;
    if (fd >= 0) close(fd);
    if (got < 0) {
        snprintf(rule, sizeof rule, "this file cannot be read: %s", strerror(failure));
        return refuse(trail, venue, path, file_key, rule);
    }
    if (!S_ISREG(status.st_mode) || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return refuse(trail, venue, path, file_key,
                      "must be a file that only its owner can read and write (chmod 600)");
    if ((size_t)got >= credential->cap)
        return too_long(trail, path, file_key, "this file", (size_t)status.st_size, credential->cap);
    while (got > 0 && (credential->out[got - 1] == '\n' || credential->out[got - 1] == '\r'))
        got--;
    credential->out[got] = '\0';
    if (got == 0 || strlen(credential->out) != (size_t)got)
        return refuse(trail, venue, path, file_key, "this file is empty or not a text");
    return 0;
}

/* "key" in the file, "key_env" with the name of a variable that must be set, or "key_file": exactly one of them. */
static int read_credential(const json_t *venue, const char *path, const struct credential *credential,
                           struct error_trail *trail) {
    char env_key[32], file_key[32], rule[128];
    snprintf(env_key, sizeof env_key, "%s_env", credential->key);
    snprintf(file_key, sizeof file_key, "%s_file", credential->key);
    const char *given[3] = {NULL};
    size_t count = 0;
    const char *const names[3] = {credential->key, env_key, file_key};
    for (size_t i = 0; i < 3; i++)
        if (json_object_get(venue, names[i]) != NULL) given[count++] = names[i];
    bool secret = strcmp(credential->key, "secret") == 0;
    if (count == 0) {
        snprintf(rule, sizeof rule, secret ? "give \"%s\", \"%s\" or \"%s\"" : "give \"%s\" or \"%s\"",
                 credential->key, env_key, file_key);
        return refuse(trail, venue, path, credential->key, rule);
    }
    if (count > 1) {
        snprintf(rule, sizeof rule, "not together with \"%s\"; give one of them", given[0]);
        return refuse(trail, venue, path, given[1], rule);
    }
    if (given[0] == env_key) return from_environment(venue, path, env_key, credential, trail);
    if (given[0] == file_key) return from_file(venue, path, file_key, credential, trail);
    return 0;
}

static int check_ed25519(const json_t *venue, const char *path, const struct settings_venue *out,
                         struct error_trail *trail) {
    if (strcmp(out->kind, "binance") != 0)
        return refuse(trail, venue, path, "key_type", "kind mexc takes \"hmac\" keys only");
    if (json_object_get(venue, "secret") != NULL)
        return error_set(trail, ERROR_BAD,
                         "%s.secret = (not shown): a private key does not belong into this file; give "
                         "\"secret_file\" or \"secret_env\"",
                         path);
    struct ed25519_key *key = ed25519_from_pem(out->secret, strlen(out->secret));
    const char *from = json_object_get(venue, "secret_file") != NULL ? "secret_file" : "secret_env";
    if (key == NULL)
        return refuse(trail, venue, path, from,
                      "must hold an Ed25519 private key in PEM form (PKCS#8, not encrypted)");
    ed25519_free(key);
    return 0;
}

int settings_read_credentials(const json_t *venue, const char *path, struct settings_venue *out,
                              struct error_trail *trail) {
    const struct credential key = {"key", out->key, sizeof out->key};
    const struct credential secret = {"secret", out->secret, sizeof out->secret};
    int result = read_credential(venue, path, &key, trail);
    if (result == 0) result = read_credential(venue, path, &secret, trail);
    if (result == 0 && out->key_type == SETTINGS_KEY_ED25519) result = check_ed25519(venue, path, out, trail);
    return result;
}
