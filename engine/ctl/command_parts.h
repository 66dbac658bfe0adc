#pragma once
/* What the files of the command server offer each other: socket, requests, answers and their memory. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"

#define COMMAND_DEPTH_MAX  16
#define COMMAND_HEAD_SIZE  4u
#define COMMAND_FRAME_SIZE (COMMAND_HEAD_SIZE + COMMAND_SIZE_MAX)

/* ---- command_socket.c ---- */
/* Listening, non-blocking, mode 0600, in a directory of mode 0700 that is made if needed. Returns the descriptor or a
 * negative code. */
int command_socket_open(const char *path, struct error_trail *trail);
/* The engine's own user and root may command it. */
bool command_uid_is_allowed(uint32_t peer_uid, uint32_t own_uid);

/* ---- command_request.c ---- */
/* Reads one request. `request->args` is malloc'd (free it with command_request_free). On failure `why` is one sentence
 * and request->id is set if it could be read. */
int command_request_read(const char *text, size_t size, struct command_request *request, struct error_trail *why);
void command_request_free(struct command_request *request);

/* ---- command_answer.c ---- */
/* The answer as a frame of at most COMMAND_FRAME_SIZE bytes; returns its size. */
size_t command_answer_frame(const char *id, const struct command_answer *answer, const char *config_hash,
                            uint64_t state_version, uint8_t *frame);

/* Answers by id, the last COMMAND_ANSWERS_KEPT of them. */
struct command_memory;
struct command_memory *command_memory_create(void);
/* 0: *frame and *size are the first answer; ERROR_NOT_FOUND; ERROR_MISMATCH: the id was another request's. */
int command_memory_find(const struct command_memory *memory, const struct command_request *request,
                        const uint8_t **frame, size_t *size);
void command_memory_keep(struct command_memory *memory, const struct command_request *request, const uint8_t *frame,
                         size_t size);
void command_memory_free(struct command_memory *memory);
