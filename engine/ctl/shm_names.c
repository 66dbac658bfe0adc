#include "shm_names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHM_DIRECTORY "/dev/shm"

bool instance_name_is_valid(const char *name) {
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return size >= 1 && size <= INSTANCE_NAME_MAX && name[size] == '\0';
}

int shm_name_make(const char *instance, uint64_t generation, const char *suffix, char out[SHM_NAME_SIZE]) {
    if (!instance_name_is_valid(instance)) return ERROR_BAD;
    int size = snprintf(out, SHM_NAME_SIZE, "/arbdeck-%s-%" PRIu64 "%s", instance, generation, suffix);
    return size > 0 && size < SHM_NAME_SIZE ? 0 : ERROR_BAD;
}

static int compare_generations(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* The name must be the one that shm_name_make gives for the number in it: "007" or "7x" is not ours. */
static bool parse_name(const char *entry, const char *instance, const char *suffix, uint64_t *generation) {
    char lead[SHM_NAME_SIZE];
    int lead_size = snprintf(lead, sizeof lead, "arbdeck-%s-", instance);
    if (strncmp(entry, lead, (size_t)lead_size) != 0) return false;
    *generation = strtoull(entry + lead_size, NULL, 10);
    char name[SHM_NAME_SIZE];
    return shm_name_make(instance, *generation, suffix, name) == 0 && strcmp(entry, name + 1) == 0;
}

size_t shm_names_scan(const char *instance, const char *suffix, uint64_t *generation, size_t cap) {
    if (!instance_name_is_valid(instance)) return 0;
    DIR *directory = opendir(SHM_DIRECTORY);
    if (directory == NULL) return 0;
    size_t count = 0;
    for (struct dirent *entry; count < cap && (entry = readdir(directory)) != NULL;) {
        if (parse_name(entry->d_name, instance, suffix, &generation[count])) count++;
    }
    closedir(directory);
    qsort(generation, count, sizeof generation[0], compare_generations);
    return count;
}

void *shm_object_create(const char *name, size_t size, struct error_trail *trail) {
    int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0) {
        int code = errno == EEXIST ? ERROR_BUSY : ERROR_SYSTEM;
        error_set(trail, code, "shared memory %s cannot be created: %s", name, strerror(errno));
        return NULL;
    }
    /* Allocated now: a full file system is an error here, not a SIGBUS while trading. */
    int failed = fchmod(fd, 0640) != 0 ? errno : posix_fallocate(fd, 0, (off_t)size);
    void *memory = MAP_FAILED;
    if (failed == 0) {
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
        if (memory == MAP_FAILED) failed = errno;
    }
    close(fd);
    if (failed == 0) return memory;
    shm_unlink(name);
    error_set(trail, ERROR_SYSTEM, "shared memory %s of %zu bytes cannot be allocated: %s", name, size,
              strerror(failed));
    return NULL;
}
