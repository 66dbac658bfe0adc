/* Paths of an instance under ARBDECK_HOME, and the run file that tells readers where everything is. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine.h"

static int make_directory(const char *path, struct error_trail *trail) {
    if (mkdir(path, 0700) == 0 || errno == EEXIST) return 0;
    return error_set(trail, ERROR_SYSTEM, "cannot create directory %s: %s", path, strerror(errno));
}

static int join(char *out, size_t cap, const char *a, const char *b, struct error_trail *trail) {
    int size = snprintf(out, cap, "%s/%s", a, b);
    if (size < 0 || (size_t)size >= cap) return error_set(trail, ERROR_RANGE, "path too long: %s/%s", a, b);
    return 0;
}

int engine_paths(struct engine_paths *paths, const char *home, const char *config_dir, struct error_trail *trail) {
    char fallback[256];
    if (home == NULL || home[0] == '\0') home = getenv("ARBDECK_HOME");
    if (home == NULL || home[0] == '\0') {
        const char *user = getenv("HOME");
        if (user == NULL) return error_set(trail, ERROR_BAD, "neither ARBDECK_HOME nor HOME is set");
        if (join(fallback, sizeof fallback, user, ".arbdeck", trail) != 0) return ERROR_RANGE;
        home = fallback;
    }
    if (config_dir == NULL || config_dir[0] == '\0') config_dir = getenv("ARBDECK_CONFIG");
    if (config_dir == NULL || config_dir[0] == '\0') config_dir = "config";

    if (make_directory(home, trail) != 0) return ERROR_SYSTEM;
    char resolved[PATH_MAX];
    if (realpath(home, resolved) == NULL)
        return error_set(trail, ERROR_SYSTEM, "ARBDECK_HOME %s: %s", home, strerror(errno));
    if (strlen(resolved) >= sizeof paths->home) return error_set(trail, ERROR_RANGE, "path too long: %s", resolved);
    memcpy(paths->home, resolved, strlen(resolved) + 1);
    if (realpath(config_dir, resolved) == NULL)
        return error_set(trail, ERROR_SYSTEM, "configuration directory %s: %s", config_dir, strerror(errno));
    if (strlen(resolved) >= sizeof paths->config_dir)
        return error_set(trail, ERROR_RANGE, "path too long: %s", resolved);
    memcpy(paths->config_dir, resolved, strlen(resolved) + 1);
    if (join(paths->engine_json, sizeof paths->engine_json, paths->config_dir, "engine.json", trail) != 0 ||
        join(paths->strategies_json, sizeof paths->strategies_json, paths->config_dir, "strategies.json", trail) !=
            0)
        return ERROR_RANGE;
    return 0;
}

int engine_paths_instance(struct engine_paths *paths, const char *instance, struct error_trail *trail) {
    char state[280], name[64];
    if (join(paths->run_dir, sizeof paths->run_dir, paths->home, "run", trail) != 0 ||
        join(state, sizeof state, paths->home, "state", trail) != 0 ||
        join(paths->state_dir, sizeof paths->state_dir, state, instance, trail) != 0 ||
        join(paths->journal_dir, sizeof paths->journal_dir, paths->state_dir, "journal", trail) != 0 ||
        join(paths->lock_file, sizeof paths->lock_file, paths->state_dir, "lock", trail) != 0 ||
        join(paths->kill_file, sizeof paths->kill_file, paths->state_dir, "kill", trail) != 0)
        return ERROR_RANGE;
    snprintf(name, sizeof name, "%s.json", instance);
    if (join(paths->run_file, sizeof paths->run_file, paths->run_dir, name, trail) != 0) return ERROR_RANGE;
    snprintf(name, sizeof name, "%s.sock", instance);
    if (join(paths->socket, sizeof paths->socket, paths->run_dir, name, trail) != 0) return ERROR_RANGE;
    if (make_directory(paths->run_dir, trail) != 0 || make_directory(state, trail) != 0 ||
        make_directory(paths->state_dir, trail) != 0 || make_directory(paths->journal_dir, trail) != 0)
        return ERROR_SYSTEM;
    return 0;
}

int engine_run_file_write(const struct engine *engine, struct error_trail *trail) {
    const struct engine_paths *paths = &engine->paths;
    const struct abi_header *header = &engine->segment->header;
    char text[2048];
    int size = snprintf(text, sizeof text,
                        "{\"instance\": \"%s\", \"mode\": \"SIM\", \"pid\": %u, \"pid_start_ticks\": %llu, "
                        "\"boot_id\": \"%s\", \"generation\": %llu, \"segment\": \"/arbdeck-%s-%llu\", "
                        "\"tail\": \"/arbdeck-%s-%llu-tail\", \"socket\": \"%s\", \"journal\": \"%s\", "
                        "\"abi_hash\": \"%016llx\", \"started_wall_ns\": %lld}\n",
                        engine->settings.instance, header->pid, (unsigned long long)header->pid_start_ticks,
                        header->boot_id, (unsigned long long)engine->generation, engine->settings.instance,
                        (unsigned long long)engine->generation, engine->settings.instance,
                        (unsigned long long)engine->generation, paths->socket, paths->journal_dir,
                        (unsigned long long)shm_abi_hash, (long long)header->start_wall_ns);
    if (size < 0 || (size_t)size >= sizeof text) return error_set(trail, ERROR_RANGE, "run file too long");
    return settings_write_atomically(paths->run_file, text, (size_t)size, trail);
}
