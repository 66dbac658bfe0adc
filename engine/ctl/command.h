#pragma once
/* The command socket: <ARBDECK_HOME>/run/<instance>.sock, stream, in a 0700 directory, peer uid checked. A message is
 * a 32-bit little-endian length and that many bytes of UTF-8 JSON (at most 64 KiB). Protocol: docs/commands.md.
 *
 * This module does framing, JSON, identity, idempotency (the answer to a repeated id is the first answer) and the
 * checks that need no engine; what a command does is the handler's. Control thread only; never blocks: a peer that
 * stalls mid-message is dropped after 2 s, at most 16 peers. */
#include <stdbool.h>
#include <stdint.h>

#include "../base/error.h"

#define COMMAND_SIZE_MAX     65536
#define COMMAND_PEER_MAX     16
#define COMMAND_ANSWERS_KEPT 256

enum command_status { COMMAND_DONE = 1, COMMAND_ACCEPTED = 2, COMMAND_REFUSED = 3 };

struct command_request {
    char id[40];
    char command[24];
    char actor[32];
    char config_hash[65];  /* hex; empty: not said */
    int64_t state_version; /* -1: not said */
    const char *args;      /* JSON object text, "{}" when absent */
    uint32_t peer_uid;
};

struct command_answer {
    enum command_status status;
    char code[24];     /* "OK", or why not: "STALE_VIEW", "UNKNOWN_COMMAND", "BAD_ARGUMENT", ... */
    char message[512]; /* one sentence */
    char data[32768];  /* JSON object text; "" = none */
};

/* Fills *answer. The server adds id, config_hash and state_version. */
typedef void (*command_handler)(void *context, const struct command_request *request,
                                struct command_answer *answer);

struct command_server;

struct command_server *command_open(const char *socket_path, command_handler handler, void *context,
                                    struct error_trail *trail);
/* Serves what is ready, waiting at most timeout_ms. config_hash (hex) and state_version go into every answer. */
void command_serve(struct command_server *server, int timeout_ms);
void command_view(struct command_server *server, const char *config_hash_hex, uint64_t state_version);
void command_close(struct command_server *server); /* closes and unlinks */

/* Helpers on the args object; return 0, ERROR_NOT_FOUND, or ERROR_BAD with a sentence naming the field. */
int command_arg_text(const struct command_request *request, const char *name, char *out, size_t cap,
                     struct error_trail *trail);
int command_arg_integer(const struct command_request *request, const char *name, int64_t *out,
                        struct error_trail *trail);
int command_arg_json(const struct command_request *request, const char *name, char *out, size_t cap,
                     struct error_trail *trail);
/* ERROR_BAD naming the first key that is not in the NULL-terminated list. */
int command_arg_only(const struct command_request *request, const char *const *allowed, struct error_trail *trail);
