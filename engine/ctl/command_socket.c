#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "command_parts.h"

#define BACKLOG 16

bool command_uid_is_allowed(uint32_t peer_uid, uint32_t own_uid) {
    return peer_uid == own_uid || peer_uid == 0;
}

/* Makes the missing directories of the path, the last of them private. */
static int make_directories(char *directory, struct error_trail *trail) {
    for (char *slash = strchr(directory + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash != NULL) *slash = '\0';
        int failed = mkdir(directory, 0700) != 0 && errno != EEXIST ? errno : 0;
        if (failed != 0)
            return error_set(trail, ERROR_SYSTEM, "directory %s cannot be made: %s", directory, strerror(failed));
        if (slash == NULL) return 0;
        *slash = '/';
    }
}

static int check_directory(const char *directory, struct error_trail *trail) {
    struct stat stat;
    if (lstat(directory, &stat) != 0)
        return error_set(trail, ERROR_SYSTEM, "directory %s: %s", directory, strerror(errno));
    if (!S_ISDIR(stat.st_mode)) return error_set(trail, ERROR_REFUSED, "%s is no directory", directory);
    if (stat.st_uid != geteuid())
        return error_set(trail, ERROR_REFUSED,
                         "directory %s belongs to uid %u: the command socket needs one of uid %u", directory,
                         (unsigned)stat.st_uid, (unsigned)geteuid());
    if ((stat.st_mode & 0077) != 0)
        return error_set(trail, ERROR_REFUSED, "directory %s has mode %04o: the command socket needs 0700",
                         directory, (unsigned)(stat.st_mode & 07777));
    return 0;
}

/* A socket that somebody answers on is a running engine's; one that nobody does is left over. */
static int remove_stale(const struct sockaddr_un *address, struct error_trail *trail) {
    struct stat stat;
    if (lstat(address->sun_path, &stat) != 0) return 0;
    if (!S_ISSOCK(stat.st_mode))
        return error_set(trail, ERROR_REFUSED, "%s is there and no socket", address->sun_path);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) return error_set(trail, ERROR_SYSTEM, "socket: %s", strerror(errno));
    int connected = connect(probe, (const struct sockaddr *)address, sizeof *address);
    int failed = errno;
    close(probe);
    if (connected == 0 || failed == EAGAIN)
        return error_set(trail, ERROR_BUSY, "%s: another engine answers there", address->sun_path);
    if (unlink(address->sun_path) != 0)
        return error_set(trail, ERROR_SYSTEM, "%s cannot be removed: %s", address->sun_path, strerror(errno));
    return 0;
}

static int prepare_directory(const char *path, struct error_trail *trail) {
    char directory[sizeof((struct sockaddr_un *)0)->sun_path];
    snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash == NULL || slash == directory)
        return error_set(trail, ERROR_BAD, "command socket %s: needs a directory of its own", path);
    *slash = '\0';
    int result = make_directories(directory, trail);
    return result != 0 ? result : check_directory(directory, trail);
}

int command_socket_open(const char *path, struct error_trail *trail) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return error_set(trail, ERROR_RANGE, "command socket %s: a path of %zu bytes, at most %zu are possible",
                         path, strlen(path), sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int result = prepare_directory(path, trail);
    if (result == 0) result = remove_stale(&address, trail);
    if (result != 0) return result;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return error_set(trail, ERROR_SYSTEM, "socket: %s", strerror(errno));
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && chmod(path, 0600) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    error_set(trail, ERROR_SYSTEM, "command socket %s cannot be opened: %s", path, strerror(errno));
    close(fd);
    return ERROR_SYSTEM;
}
