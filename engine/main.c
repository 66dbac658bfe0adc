/* arbdeck-engine: settings, threads, wait, tear down; and the operator's small tools on the same parts.
 *
 *   arbdeck-engine run [--config DIR] [--home DIR] [--instance NAME]
 *   arbdeck-engine decode VENUE FILE
 *   arbdeck-engine schema engine|strategies
 *   arbdeck-engine replay JOURNAL_DIRECTORY [GENERATION]
 *   arbdeck-engine version */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "ctl/settings.h"
#include "net/tls_memory.h"
#include "run/engine.h"
#include "venue/venue.h"

static int usage(void) {
    fprintf(stderr, "usage: arbdeck-engine run [--config DIR] [--home DIR] [--instance NAME]\n"
                    "       arbdeck-engine decode VENUE FILE\n"
                    "       arbdeck-engine schema engine|strategies\n"
                    "       arbdeck-engine replay JOURNAL_DIRECTORY [GENERATION]\n"
                    "       arbdeck-engine version\n");
    return 2;
}

static int run(int count, char **argument) {
    const char *config = NULL, *home = NULL, *instance = getenv("ARBDECK_INSTANCE");
    for (int i = 0; i < count; i += 2) {
        if (i + 1 == count) return usage();
        if (strcmp(argument[i], "--config") == 0)
            config = argument[i + 1];
        else if (strcmp(argument[i], "--home") == 0)
            home = argument[i + 1];
        else if (strcmp(argument[i], "--instance") == 0)
            instance = argument[i + 1];
        else
            return usage();
    }
    log_init(LOG_INFO);
    struct engine *engine = calloc(1, sizeof *engine);
    struct error_trail trail = {0};
    if (engine == NULL) return 1;
    if (engine_boot(engine, home, config, instance, &trail) != 0) {
        log_write(LOG_FATAL, "cannot start: %s", trail.text);
        engine_shut(engine);
        return 1;
    }
    int status = engine_control(engine);
    if (status == 0) log_write(LOG_INFO, "ended");
    /* A hot thread that did not stop still owns its memory; the next start recovers the journal's tail. */
    if (status != 0 && !atomic_load(&engine->hot_done) && engine->hot != NULL) _exit(status);
    engine_shut(engine);
    free(engine);
    return status;
}

static int decode(const char *venue, const char *path) {
    const struct venue_ops *ops = venue_ops_find(venue);
    if (ops == NULL) {
        fprintf(stderr, "VENUE = \"%s\": no such venue; there are: binance, mexc\n", venue);
        return 2;
    }
    FILE *file = fopen(path, "rb");
    /* Exactly as large as the message, so that reading past it would be caught by a sanitizer. */
    uint8_t *data = malloc(VENUE_MESSAGE_SIZE_MAX + 1);
    if (file == NULL || data == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        free(data);
        if (file != NULL) fclose(file);
        return 2;
    }
    size_t size = fread(data, 1, VENUE_MESSAGE_SIZE_MAX + 1, file);
    fclose(file);
    if (size > VENUE_MESSAGE_SIZE_MAX) {
        fprintf(stderr, "%s: larger than %u bytes\n", path, VENUE_MESSAGE_SIZE_MAX);
        free(data);
        return 2;
    }
    int status = venue_decode_print(ops, data, size, stdout);
    free(data);
    return status;
}

int main(int count, char **argument) {
    if (!tls_memory_init()) fprintf(stderr, "the memory of TLS cannot be pooled\n");
    if (count >= 2 && strcmp(argument[1], "run") == 0) return run(count - 2, argument + 2);
    if (count == 4 && strcmp(argument[1], "decode") == 0) return decode(argument[2], argument[3]);
    if (count == 3 && strcmp(argument[1], "schema") == 0)
        return settings_print_schema(argument[2], stdout) == 0 ? 0 : usage();
    if ((count == 3 || count == 4) && strcmp(argument[1], "replay") == 0)
        return engine_replay(argument[2], count == 4 ? strtoull(argument[3], NULL, 10) : 0, false);
    if (count == 2 && strcmp(argument[1], "version") == 0) return printf("arbdeck-engine %s\n", ENGINE_VERSION) < 0;
    return usage();
}
