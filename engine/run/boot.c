/* Start and end of an instance: lock -> settings -> recover the journal -> segment -> snapshot -> sockets open. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/text.h"
#include "engine.h"

static int lock_state(struct engine *engine, struct error_trail *trail) {
    engine->lock_fd = open(engine->paths.lock_file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (engine->lock_fd < 0)
        return error_set(trail, ERROR_SYSTEM, "cannot open %s: %s", engine->paths.lock_file, strerror(errno));
    if (flock(engine->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        char owner[32] = "unknown";
        ssize_t size = pread(engine->lock_fd, owner, sizeof owner - 1, 0);
        if (size > 0) owner[strcspn(owner, "\n")] = '\0';
        return error_set(trail, ERROR_BUSY, "instance %s is already running (pid %s)", engine->settings.instance,
                         owner);
    }
    char text[32];
    int size = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(engine->lock_fd, 0) != 0 || pwrite(engine->lock_fd, text, (size_t)size, 0) != size)
        return error_set(trail, ERROR_SYSTEM, "cannot write %s: %s", engine->paths.lock_file, strerror(errno));
    return 0;
}

static int read_word(const char *path, char *out, size_t cap) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ERROR_SYSTEM;
    ssize_t size = read(fd, out, cap - 1);
    close(fd);
    if (size <= 0) return ERROR_SYSTEM;
    out[size] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return 0;
}

/* What shm_create does not know: the configuration. */
static void header_fill(struct engine *engine) {
    struct abi_header *header = &engine->segment->header;
    const struct core_setup *setup = &engine->setup;
    header->start_mono_ns = engine->started_ns;
    header->start_wall_ns = engine->started_ns + engine->wall_offset_ns;
    header->wall_offset_ns = engine->wall_offset_ns;
    header->stale_after_ns = 1000000000;
    header->mode = setup->mode;
    bool receivers = engine->settings.layout == ABI_LAYOUT_RECEIVERS;
    header->thread_layout = engine->settings.layout;
    header->receive_threads = !receivers                           ? 0
                              : engine->settings.receive_count > 0 ? engine->settings.receive_count
                                                                   : setup->venue_count;
    header->busy_poll = engine->settings.busy_poll;
    header->detect_kernel = core_detect_kernel(engine->core);
    header->venue_count = setup->venue_count;
    header->symbol_count = setup->symbol_count;
    header->asset_count = setup->asset_count;
    header->strategy_count = setup->strategy_count;
    snprintf(header->config_dir, sizeof header->config_dir, "%.*s", (int)sizeof header->config_dir - 1,
             engine->paths.config_dir);
    for (uint32_t v = 0; v < setup->venue_count; v++) {
        const struct settings_venue *venue = &engine->settings.venue[v];
        header->venue[v].taker_fee_ppm = venue->taker_fee_ppm;
        memcpy(header->venue[v].name, venue->name, sizeof header->venue[v].name);
        memcpy(header->venue[v].kind, venue->kind, sizeof header->venue[v].kind);
        const char *authority = strstr(venue->feed_url, "://");
        snprintf(header->venue[v].endpoint, sizeof header->venue[v].endpoint, "%.63s",
                 authority == NULL ? venue->feed_url : authority + 3);
    }
    for (uint32_t s = 0; s < setup->symbol_count; s++) {
        const struct journal_symbol *from = &setup->symbol[s];
        struct abi_symbol *to = &header->symbol[s];
        *to = (struct abi_symbol){.tick = from->tick,
                                  .lot = from->lot,
                                  .min_qty = from->min_qty,
                                  .min_notional_e8 = from->min_notional_e8,
                                  .price_digits = from->price_digits,
                                  .qty_digits = from->qty_digits,
                                  .base_asset = from->base_asset,
                                  .quote_asset = from->quote_asset,
                                  .venue_mask = from->venue_mask};
        memcpy(to->name, from->name, sizeof to->name);
    }
    for (uint32_t a = 0; a < setup->asset_count; a++)
        memcpy(header->asset[a].name, setup->asset[a].name, sizeof header->asset[a].name);
    for (uint32_t i = 0; i < setup->strategy_count; i++) {
        memcpy(header->strategy[i].name, setup->strategy_name[i], sizeof header->strategy[i].name);
        memcpy(header->strategy[i].kind, engine->strategies.strategy[i].kind, sizeof header->strategy[i].kind);
    }
}

/* Generations only grow, also over deleted journals: the number lives in a file of its own. */
static int next_generation(struct engine *engine, uint64_t latest, struct error_trail *trail) {
    char path[400], text[32];
    snprintf(path, sizeof path, "%s/generation", engine->paths.state_dir);
    uint64_t last = 0;
    if (read_word(path, text, sizeof text) == 0) last = strtoull(text, NULL, 10);
    if (latest > last) last = latest;
    engine->generation = last + 1;
    if (engine->generation > UINT32_MAX)
        return error_set(trail, ERROR_RANGE, "generation %llu: more than 2^32 starts",
                         (unsigned long long)last + 1);
    int size = snprintf(text, sizeof text, "%llu\n", (unsigned long long)engine->generation);
    return settings_write_atomically(path, text, (size_t)size, trail);
}

static void *block(size_t size) {
    void *memory = aligned_alloc(64, (size + 63) & ~(size_t)63);
    if (memory != NULL) memset(memory, 0, size);
    return memory;
}

static int allocate(struct engine *engine, struct error_trail *trail) {
    void *to_courier = block(spsc_size(ENGINE_TO_COURIER_ITEMS, sizeof(struct to_courier)));
    if (to_courier == NULL) return error_set(trail, ERROR_SYSTEM, "no memory at start");
    for (uint32_t lane = 0; lane < ENGINE_LANES; lane++) {
        void *to_hot = block(spsc_size(ENGINE_TO_HOT_ITEMS, sizeof(struct to_hot)));
        if (to_hot == NULL) return error_set(trail, ERROR_SYSTEM, "no memory at start");
        engine->to_hot[lane] = spsc_init(to_hot, ENGINE_TO_HOT_ITEMS, sizeof(struct to_hot));
    }
    engine->to_courier = spsc_init(to_courier, ENGINE_TO_COURIER_ITEMS, sizeof(struct to_courier));
    return 0;
}

static int read_settings(struct engine *engine, const char *instance, struct error_trail *trail) {
    int code = settings_read_engine(engine->paths.engine_json, &engine->settings, trail);
    if (code != 0) return code;
    code = settings_read_strategies(engine->paths.strategies_json, &engine->strategies, trail);
    if (code == 0) code = settings_bind(&engine->strategies, &engine->settings, trail);
    if (code != 0) return code;
    if (instance != NULL && instance[0] != '\0')
        text_copy(engine->settings.instance, sizeof engine->settings.instance, instance);
    return 0;
}

static void plan_states(struct engine *engine) {
    engine->start_state = engine->settings.arm_at_start ? ABI_STATE_ACTIVE : ABI_STATE_HALTED;
    for (uint32_t i = 0; i < engine->strategies.count; i++)
        engine->strategy_start[i] =
            engine->strategies.strategy[i].enabled ? ABI_STRATEGY_RUNNING : ABI_STRATEGY_STOPPED;
    engine->kill_latched = access(engine->paths.kill_file, F_OK) == 0;
}

static int boot_journal(struct engine *engine, uint64_t latest, struct error_trail *trail) {
    int code = engine_setup_from_settings(engine, trail);
    if (code == 0) code = engine_order_forms_make(engine, trail);
    if (code != 0) return code;
    engine->core = block(core_size(&engine->setup));
    if (engine->core == NULL) return error_set(trail, ERROR_SYSTEM, "no memory for the decision core");
    if (latest != 0 && (code = engine_recover(engine, latest, trail)) != 0)
        return error_append(trail, code, "recovering generation %llu", (unsigned long long)latest);
    if ((code = core_init(engine->core, &engine->setup)) != 0)
        return error_set(trail, code, "the configuration is refused by the decision core: %s", error_text(code));
    engine->writer = journal_open(engine->settings.instance, engine->paths.journal_dir, engine->generation,
                                  engine->wall_offset_ns, ENGINE_VERSION, &engine->tail, trail);
    if (engine->writer == NULL) return trail->code;
    engine->segment = shm_create(engine->settings.instance, engine->generation, trail);
    if (engine->segment == NULL) return trail->code;
    header_fill(engine);
    if ((code = engine_write_snapshot(engine, latest, trail)) != 0) return code;
    return journal_flush(engine->writer, true, trail) < 0 ? trail->code : 0;
}

int engine_boot(struct engine *engine, const char *home, const char *config_dir, const char *instance,
                struct error_trail *trail) {
    const char *why;
    engine->lock_fd = -1;
    if (!clock_start(&why)) log_write(LOG_INFO, "time is asked from the kernel: %s", why);
    engine->started_ns = clock_mono_ns();
    engine->wall_offset_ns = clock_wall_ns() - engine->started_ns;
    int code = engine_paths(&engine->paths, home, config_dir, trail);
    if (code != 0 || (code = read_settings(engine, instance, trail)) != 0) return code;
    if ((code = engine_paths_instance(&engine->paths, engine->settings.instance, trail)) != 0) return code;
    if ((code = engine_trust(engine, trail)) != 0) return code;
    if ((code = lock_state(engine, trail)) != 0) return code;
    if ((code = journal_recover_tails(engine->settings.instance, engine->paths.journal_dir, trail)) != 0)
        return code;
    uint64_t latest = journal_latest_generation(engine->paths.journal_dir);
    if ((code = next_generation(engine, latest, trail)) != 0) return code;
    shm_sweep(engine->settings.instance, engine->generation);
    plan_states(engine);
    if ((code = allocate(engine, trail)) != 0 || (code = boot_journal(engine, latest, trail)) != 0) return code;
    log_write(LOG_INFO, "instance %s generation %llu, %u venues, %u symbols, books %s", engine->settings.instance,
              (unsigned long long)engine->generation, engine->settings.venue_count, engine->settings.symbol_count,
              latest == 0 ? "opened" : "carried on");
    return 0;
}

void engine_shut(struct engine *engine) {
    if (engine->commands != NULL) command_close(engine->commands);
    if (engine->writer != NULL) journal_close(engine->writer);
    if (engine->segment != NULL) {
        unlink(engine->paths.run_file);
        shm_destroy(engine->segment);
    }
    if (engine->lock_fd >= 0) close(engine->lock_fd);
    for (uint32_t lane = 0; lane < ENGINE_LANES; lane++)
        free(engine->to_hot[lane]);
    engine_trust_forget(engine);
    engine_order_forms_free(engine);
    free(engine->to_courier);
    free(engine->recovered);
    free(engine->core);
}
