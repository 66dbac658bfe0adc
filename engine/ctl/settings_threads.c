/* "threads" of engine.json: what its table cannot say, because it is about several settings or about this machine. */
#include <stdio.h>

#include "../base/cpu.h"
#include "settings.h"
#include "settings_json.h"

static int check_cpu(int32_t cpu, const char *path, struct error_trail *trail) {
    if (cpu_is_allowed(cpu)) return 0;
    char allowed[128];
    cpu_allowed_text(allowed, sizeof allowed);
    return error_set(trail, ERROR_RANGE, "%s = %d: no such processor here; the engine may use %s", path, cpu,
                     allowed);
}

static int read_receive_cpu(const json_t *value, uint32_t index, struct settings_engine *engine,
                            struct error_trail *trail) {
    char path[SETTINGS_PATH_SIZE];
    settings_path_index("threads.receive_cpus", index, path);
    int64_t cpu;
    int result = settings_read_number(&settings_receive_cpu, value, path, &cpu, trail);
    if (result == 0) result = check_cpu((int32_t)cpu, path, trail);
    if (result != 0) return result;
    if (cpu == engine->hot_cpu)
        return settings_refuse(trail, ERROR_BAD, path, value, "this processor is threads.hot_cpu");
    for (uint32_t other = 0; other < index; other++)
        if (cpu == engine->receive_cpu[other])
            return settings_refuse(trail, ERROR_BAD, path, value, "listed twice; one thread a processor");
    engine->receive_cpu[index] = (int32_t)cpu;
    return 0;
}

static int read_receive_cpus(const json_t *threads, struct settings_engine *engine, struct error_trail *trail) {
    if (json_object_get(threads, "receive_cpus") == NULL) return 0;
    const json_t *list = settings_list(&settings_of_threads, threads, "threads", "receive_cpus", trail);
    if (list == NULL) return trail != NULL ? trail->code : ERROR_BAD;
    engine->receive_count = (uint32_t)json_array_size(list);
    if (engine->receive_count > 0 && engine->layout != ABI_LAYOUT_RECEIVERS)
        return settings_refuse(trail, ERROR_BAD, "threads.receive_cpus", list,
                               "only with threads.layout = \"receivers\"; layout \"one\" has no receiving threads");
    for (uint32_t i = 0; i < engine->receive_count; i++) {
        int result = read_receive_cpu(json_array_get(list, i), i, engine, trail);
        if (result != 0) return result;
    }
    return 0;
}

static int check_together(const struct settings_engine *engine, struct error_trail *trail) {
    if (engine->busy_poll && engine->hot_cpu < 0)
        return error_set(trail, ERROR_BAD,
                         "threads.busy_poll = true: needs threads.hot_cpu, a processor of its own");
    if (engine->busy_poll && engine->layout == ABI_LAYOUT_RECEIVERS && engine->receive_count == 0)
        return error_set(
            trail, ERROR_BAD,
            "threads.busy_poll = true: layout \"receivers\" then needs threads.receive_cpus, a processor "
            "for each receiving thread");
    if (engine->busy_poll && engine->fifo_priority > 0 && !cpu_is_isolated(engine->hot_cpu))
        return error_set(
            trail, ERROR_BAD,
            "threads.fifo_priority = %u: with busy_poll only where threads.hot_cpu = %d is isolated "
            "(isolcpus=%d on the kernel's command line); elsewhere the kernel stops a spinning real-time "
            "thread for 50 ms a second",
            engine->fifo_priority, engine->hot_cpu, engine->hot_cpu);
    return 0;
}

int settings_read_threads(const json_t *root, struct settings_engine *engine, struct error_trail *trail) {
    const json_t *threads = json_object_get(root, "threads");
    json_t *empty = threads == NULL ? json_object() : NULL;
    int result =
        settings_read_table(&settings_of_threads, threads != NULL ? threads : empty, "threads", engine, trail);
    if (result == 0 && engine->hot_cpu >= 0) result = check_cpu(engine->hot_cpu, "threads.hot_cpu", trail);
    if (result == 0) result = read_receive_cpus(threads, engine, trail);
    if (result == 0) result = check_together(engine, trail);
    json_decref(empty);
    return result;
}

int settings_check_receivers(const struct settings_engine *engine, struct error_trail *trail) {
    if (engine->receive_count <= engine->venue_count) return 0;
    return error_set(trail, ERROR_RANGE,
                     "threads.receive_cpus lists %u processors: at most one for each of the %u venues",
                     engine->receive_count, engine->venue_count);
}
