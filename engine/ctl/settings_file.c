#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings.h"

/* Text of the file (malloc), at most one byte more than allowed, so that the parser refuses it by its size. */
static char *read_file(const char *path, size_t *size, struct error_trail *trail) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : malloc(SETTINGS_TEXT_SIZE_MAX + 1);
    ssize_t got = text == NULL ? -1 : 0;
    *size = 0;
    while (got >= 0 && *size < SETTINGS_TEXT_SIZE_MAX + 1) {
        got = read(fd, text + *size, SETTINGS_TEXT_SIZE_MAX + 1 - *size);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            *size += (size_t)got;
        else
            break;
    }
    if (got < 0) {
        error_set(trail, ERROR_SYSTEM, "%s cannot be read: %s", path, strerror(errno));
        free(text);
        text = NULL;
    }
    if (fd >= 0) close(fd);
    return text;
}

int settings_read_engine(const char *path, struct settings_engine *out, struct error_trail *trail) {
    size_t size;
    char *text = read_file(path, &size, trail);
    if (text == NULL) return ERROR_SYSTEM;
    int result = settings_parse_engine(text, size, out, trail);
    free(text);
    return result == 0 ? 0 : error_append(trail, result, "%s", path);
}

int settings_read_strategies(const char *path, struct settings_strategies *out, struct error_trail *trail) {
    size_t size;
    char *text = read_file(path, &size, trail);
    if (text == NULL) return ERROR_SYSTEM;
    int result = settings_parse_strategies(text, size, out, trail);
    free(text);
    return result == 0 ? 0 : error_append(trail, result, "%s", path);
}

static int write_and_sync(int fd, const char *text, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, text, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return -1;
        text += written;
        size -= (size_t)written;
    }
    return fsync(fd);
}

static int sync_parent(const char *path) {
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL)
        snprintf(parent, sizeof parent, ".");
    else if (slash == parent)
        slash[1] = '\0';
    else
        *slash = '\0';
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    int result = fsync(fd);
    close(fd);
    return result;
}

int settings_write_atomically(const char *path, const char *text, size_t size, struct error_trail *trail) {
    char target[PATH_MAX];
    char unfinished[PATH_MAX + 32];
    struct stat stat_before;
    /* A link stays a link, and the file keeps its mode: engine.json may hold keys. */
    if (realpath(path, target) == NULL) snprintf(target, sizeof target, "%s", path);
    mode_t mode = stat(target, &stat_before) == 0 ? stat_before.st_mode & 0777 : 0600;
    snprintf(unfinished, sizeof unfinished, "%s.%d.new", target, (int)getpid());
    int fd = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) return error_set(trail, ERROR_SYSTEM, "%s cannot be written: %s", path, strerror(errno));
    int failed = fchmod(fd, mode) != 0 || write_and_sync(fd, text, size) != 0 ? errno : 0;
    close(fd);
    if (failed == 0 && rename(unfinished, target) != 0) failed = errno;
    if (failed != 0) {
        unlink(unfinished);
        return error_set(trail, ERROR_SYSTEM, "%s cannot be written: %s", path, strerror(failed));
    }
    if (sync_parent(target) != 0)
        return error_set(trail, ERROR_SYSTEM, "the directory of %s cannot be synced: %s", path, strerror(errno));
    return 0;
}
