/* The control thread: commands in, journal to disk, log lines out, the end of the process. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/hash.h"
#include "../base/log.h"
#include "../net/uring.h"
#include "engine.h"
#include "hot.h"
#include "scheduling.h"

#define CONTROL_TURN_MS 5
#define CONTROL_TELL_NS 2000000000
#define CONTROL_STOP_NS 8000000000

static volatile sig_atomic_t stop_signal;

static void on_signal(int number) {
    stop_signal = number;
}

int engine_tell(struct engine *engine, enum engine_lane lane, struct to_hot *message, bool wait) {
    message->ticket = wait ? ++engine->ticket_last[lane] : 0;
    if (spsc_push(engine->to_hot[lane], message) != 0) return ERROR_FULL;
    struct uring *ring = atomic_load(&engine->ring);
    if (ring != NULL) uring_wake(ring);
    if (!wait) return 0;
    int64_t deadline = clock_mono_ns() + CONTROL_TELL_NS;
    while (atomic_load_explicit(&engine->ticket_applied[lane], memory_order_acquire) < message->ticket) {
        if (clock_mono_ns() > deadline || atomic_load(&engine->hot_done)) return ERROR_TIMEOUT;
        nanosleep(&(struct timespec){0, 20000}, NULL);
    }
    return 0;
}

static void flush_journal(struct engine *engine, int64_t *next_sync_ns) {
    int64_t now = clock_mono_ns();
    bool sync = now >= *next_sync_ns;
    struct error_trail trail = {0};
    int64_t count = journal_flush(engine->writer, sync, &trail);
    if (count < 0) {
        if (!atomic_exchange(&engine->journal_sick, true)) log_write(LOG_ERROR, "journal: %s", trail.text);
        return;
    }
    if (atomic_exchange(&engine->journal_sick, false)) log_write(LOG_INFO, "journal: written again");
    if (sync) *next_sync_ns = now + (int64_t)engine->settings.sync_ms * 1000000;
}

static void show_view(struct engine *engine) {
    char hex[65];
    hash_hex(engine->strategies.hash, sizeof engine->strategies.hash, hex);
    command_view(engine->commands, hex, atomic_load(&engine->state_version));
}

static int start_threads(struct engine *engine, pthread_t *hot, pthread_t *courier) {
    struct error_trail trail = {0};
    engine->hot = hot_create(engine, &trail);
    if (engine->hot == NULL) {
        log_write(LOG_FATAL, "%s", trail.text);
        return 1;
    }
    if (pthread_create(hot, NULL, hot_main, engine->hot) != 0 ||
        pthread_create(courier, NULL, courier_main, engine) != 0) {
        log_write(LOG_FATAL, "cannot start threads: %s", strerror(errno));
        return 1;
    }
    engine->commands = command_open(engine->paths.socket, engine_command, engine, &trail);
    if (engine->commands == NULL) {
        log_write(LOG_FATAL, "%s", trail.text);
        return 1;
    }
    while (atomic_load(&engine->ring) == NULL && !atomic_load(&engine->hot_done))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    if (engine->settings.lock_memory) scheduling_lock_memory(); /* the hot thread has allocated all it needs */
    shm_ready(engine->segment);
    if (engine_run_file_write(engine, &trail) != 0) {
        log_write(LOG_FATAL, "%s", trail.text);
        return 1;
    }
    return 0;
}

int engine_control(struct engine *engine) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    pthread_t hot, courier;
    if (start_threads(engine, &hot, &courier) != 0) return 1;
    int64_t next_sync_ns = 0, stop_by_ns = INT64_MAX;
    while (!atomic_load(&engine->hot_done) && clock_mono_ns() < stop_by_ns) {
        if ((stop_signal != 0 || atomic_load(&engine->stopping)) && stop_by_ns == INT64_MAX) {
            log_write(LOG_INFO, "stopping: %s", stop_signal != 0 ? "signal" : "command");
            struct to_hot message = {.kind = TO_HOT_STOP};
            atomic_store(&engine->stopping, true);
            (void)engine_tell(engine, LANE_CONTROL, &message, false);
            stop_by_ns = clock_mono_ns() + CONTROL_STOP_NS;
        }
        show_view(engine);
        command_serve(engine->commands, CONTROL_TURN_MS);
        flush_journal(engine, &next_sync_ns);
        log_drain();
    }
    atomic_store(&engine->stopping, true);
    bool failed = atomic_load(&engine->hot_failed);
    if (failed) log_write(LOG_FATAL, "%s", engine->hot_failure);
    bool stuck = !atomic_load(&engine->hot_done);
    if (stuck) { /* leave its memory alone: the journal's tail is recovered at the next start */
        log_write(LOG_FATAL, "the hot thread did not stop");
        return 1;
    }
    pthread_join(hot, NULL);
    pthread_join(courier, NULL);
    flush_journal(engine, &next_sync_ns);
    hot_destroy(engine->hot);
    log_drain();
    return failed ? 1 : 0;
}
