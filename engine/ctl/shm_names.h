#pragma once
/* Names and objects in POSIX shared memory: /arbdeck-<instance>-<generation><suffix>, suffix "" (segment) or "-tail"
 * (journal). Instance names hold no '-', so no instance's names are a prefix of another's. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/error.h"

#define SHM_NAME_SIZE     80
#define SHM_SCAN_MAX      1024
#define INSTANCE_NAME_MAX 31

/* [a-z0-9_]{1,31} */
bool instance_name_is_valid(const char *name);

/* 0, or ERROR_BAD for an instance name that is not allowed. */
int shm_name_make(const char *instance, uint64_t generation, const char *suffix, char out[SHM_NAME_SIZE]);

/* Generations of this instance that have an object with this suffix, ascending; at most `cap`. */
size_t shm_names_scan(const char *instance, const char *suffix, uint64_t *generation, size_t cap);

/* A new zeroed object of mode 0640 with all its pages allocated, mapped read-write; NULL with a trail. */
void *shm_object_create(const char *name, size_t size, struct error_trail *trail);
