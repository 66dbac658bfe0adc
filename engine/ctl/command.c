#include "command.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "command_parts.h"

#define STALL_NS INT64_C(2000000000) /* a half message, or an answer nobody takes, is waited for this long */
#define MS_NS    INT64_C(1000000)

/* One connection. A request is served when its answer has room, so a peer that does not read stops being served. */
struct peer {
    int fd; /* -1: free place */
    uint32_t uid;
    bool closing; /* after the answer is out: the framing is lost */
    size_t in_size;
    size_t out_size;
    size_t out_sent;
    int64_t stalled_since_ns; /* 0: no half message and no answer waits */
    uint8_t in[COMMAND_FRAME_SIZE];
    uint8_t out[COMMAND_FRAME_SIZE];
};

struct command_server {
    int listener;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    command_handler handler;
    void *context;
    char config_hash[65];
    uint64_t state_version;
    struct command_memory *memory;
    struct command_answer answer;
    struct peer peer[COMMAND_PEER_MAX];
};

struct command_server *command_open(const char *socket_path, command_handler handler, void *context,
                                    struct error_trail *trail) {
    assert(handler != NULL);
    struct command_server *server = calloc(1, sizeof *server);
    struct command_memory *memory = command_memory_create();
    int listener = server != NULL && memory != NULL
                       ? command_socket_open(socket_path, trail)
                       : error_set(trail, ERROR_SYSTEM, "no memory for the command server");
    if (listener < 0) {
        command_memory_free(memory);
        free(server);
        return NULL;
    }
    server->listener = listener;
    server->handler = handler;
    server->context = context;
    server->memory = memory;
    snprintf(server->path, sizeof server->path, "%s", socket_path);
    for (size_t i = 0; i < COMMAND_PEER_MAX; i++)
        server->peer[i].fd = -1;
    return server;
}

void command_view(struct command_server *server, const char *config_hash_hex, uint64_t state_version) {
    snprintf(server->config_hash, sizeof server->config_hash, "%s", config_hash_hex);
    server->state_version = state_version;
}

static void drop(struct peer *peer) {
    close(peer->fd);
    peer->fd = -1;
}

static void frame_refusal(struct command_server *server, const char *id, const char *code, const char *message,
                          uint8_t *frame, size_t *size) {
    struct command_answer *answer = &server->answer;
    answer->status = COMMAND_REFUSED;
    snprintf(answer->code, sizeof answer->code, "%s", code);
    snprintf(answer->message, sizeof answer->message, "%s", message);
    answer->data[0] = '\0';
    *size = command_answer_frame(id, answer, server->config_hash, server->state_version, frame);
}

/* Reads change nothing, so their answers need no memory and do not push out those that do. */
static bool is_read(const struct command_request *request) {
    return strcmp(request->command, "status") == 0;
}

static void call_handler(struct command_server *server, struct peer *peer, const struct command_request *request) {
    struct command_answer *answer = &server->answer;
    memset(answer, 0, sizeof *answer);
    server->handler(server->context, request, answer);
    peer->out_size =
        command_answer_frame(request->id, answer, server->config_hash, server->state_version, peer->out);
    if (!is_read(request)) command_memory_keep(server->memory, request, peer->out, peer->out_size);
}

static void answer_request(struct command_server *server, struct peer *peer, const char *text, size_t size) {
    struct command_request request;
    struct error_trail why = {0};
    int result = command_request_read(text, size, &request, &why);
    request.peer_uid = peer->uid;
    const uint8_t *first = NULL;
    if (result != 0) {
        frame_refusal(server, request.id, "BAD_REQUEST", why.text, peer->out, &peer->out_size);
    } else {
        result = command_memory_find(server->memory, &request, &first, &peer->out_size);
        if (result == 0)
            memcpy(peer->out, first, peer->out_size);
        else if (result == ERROR_MISMATCH)
            frame_refusal(server, request.id, "BAD_REQUEST",
                          "This id was used for another request; nothing was done. Send a new id.", peer->out,
                          &peer->out_size);
        else
            call_handler(server, peer, &request);
    }
    peer->out_sent = 0;
    command_request_free(&request);
}

static void send_answer(struct peer *peer) {
    while (peer->out_sent < peer->out_size) {
        ssize_t sent = send(peer->fd, peer->out + peer->out_sent, peer->out_size - peer->out_sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (sent < 0) {
            drop(peer);
            return;
        }
        peer->out_sent += (size_t)sent;
        peer->stalled_since_ns = 0;
    }
    peer->out_size = 0;
    if (peer->closing) drop(peer);
}

/* True when a whole request was taken out of the buffer and answered. */
static bool take_request(struct command_server *server, struct peer *peer) {
    if (peer->in_size < COMMAND_HEAD_SIZE || peer->out_size != 0) return false;
    uint32_t size = 0;
    for (size_t i = 0; i < COMMAND_HEAD_SIZE; i++)
        size |= (uint32_t)peer->in[i] << (8 * i);
    if (size == 0 || size > COMMAND_SIZE_MAX) {
        char message[96];
        snprintf(message, sizeof message, "A message of %u bytes: allowed are 1 to %u.", size, COMMAND_SIZE_MAX);
        frame_refusal(server, "", "BAD_REQUEST", message, peer->out, &peer->out_size);
        peer->out_sent = 0;
        peer->in_size = 0;
        peer->closing = true;
        return true;
    }
    size_t whole = COMMAND_HEAD_SIZE + size;
    if (peer->in_size < whole) return false;
    answer_request(server, peer, (const char *)peer->in + COMMAND_HEAD_SIZE, size);
    peer->in_size -= whole;
    memmove(peer->in, peer->in + whole, peer->in_size);
    peer->stalled_since_ns = 0;
    return true;
}

static void serve_peer(struct command_server *server, struct peer *peer) {
    while (peer->fd >= 0 && take_request(server, peer))
        send_answer(peer);
    if (peer->fd < 0) return;
    bool waits = peer->in_size > 0 || peer->out_size > 0;
    if (!waits)
        peer->stalled_since_ns = 0;
    else if (peer->stalled_since_ns == 0)
        peer->stalled_since_ns = clock_mono_ns();
}

static void receive(struct command_server *server, struct peer *peer) {
    if (peer->in_size < sizeof peer->in && !peer->closing) {
        ssize_t got = recv(peer->fd, peer->in + peer->in_size, sizeof peer->in - peer->in_size, 0);
        bool later = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
        if (got == 0 || (got < 0 && !later)) {
            drop(peer);
            return;
        }
        if (got > 0) peer->in_size += (size_t)got;
    }
    serve_peer(server, peer);
}

static struct peer *free_place(struct command_server *server) {
    for (size_t i = 0; i < COMMAND_PEER_MAX; i++)
        if (server->peer[i].fd < 0) return &server->peer[i];
    return NULL;
}

/* Nobody is left without an answer when all places are taken. */
static void turn_away(struct command_server *server, int fd) {
    uint8_t *frame = malloc(COMMAND_FRAME_SIZE);
    if (frame != NULL) {
        size_t size;
        frame_refusal(server, "", "BUSY", "All connections of the command socket are in use.", frame, &size);
        ssize_t sent = send(fd, frame, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) log_write(LOG_WARNING, "commands: a peer was turned away without an answer");
    }
    free(frame);
    close(fd);
}

static void accept_peer(struct command_server *server) {
    int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 ||
        !command_uid_is_allowed(credentials.uid, geteuid())) {
        log_write(LOG_WARNING, "commands: a peer of another user was refused");
        close(fd);
        return;
    }
    struct peer *peer = free_place(server);
    if (peer == NULL) {
        turn_away(server, fd);
        return;
    }
    peer->fd = fd;
    peer->uid = credentials.uid;
    peer->closing = false;
    peer->in_size = peer->out_size = peer->out_sent = 0;
    peer->stalled_since_ns = 0;
}

/* Milliseconds to wait, so that the next peer that stalls is dropped in time. */
static int wait_time(const struct command_server *server, int timeout_ms) {
    int64_t now = clock_mono_ns();
    int64_t wait_ns = (int64_t)timeout_ms * MS_NS;
    for (size_t i = 0; i < COMMAND_PEER_MAX; i++) {
        const struct peer *peer = &server->peer[i];
        if (peer->fd < 0 || peer->stalled_since_ns == 0) continue;
        int64_t left = peer->stalled_since_ns + STALL_NS - now;
        if (left < wait_ns) wait_ns = left > 0 ? left : 0;
    }
    return (int)((wait_ns + MS_NS - 1) / MS_NS);
}

/* After what has arrived was read: a late control thread is not the peer's stall. */
static void drop_stalled(struct command_server *server) {
    int64_t now = clock_mono_ns();
    for (size_t i = 0; i < COMMAND_PEER_MAX; i++) {
        struct peer *peer = &server->peer[i];
        if (peer->fd < 0 || peer->stalled_since_ns == 0 || now - peer->stalled_since_ns < STALL_NS) continue;
        log_write(LOG_WARNING, "commands: a peer that stalled for 2 s was dropped");
        drop(peer);
    }
}

static void serve_ready(struct command_server *server, const struct pollfd *ready) {
    for (size_t i = 0; i < COMMAND_PEER_MAX; i++) {
        struct peer *peer = &server->peer[i];
        if (peer->fd < 0 || ready[i].revents == 0) continue;
        if (peer->out_size > 0) send_answer(peer);
        if (peer->fd >= 0 && peer->out_size == 0) receive(server, peer);
    }
    if (ready[COMMAND_PEER_MAX].revents != 0) accept_peer(server);
}

void command_serve(struct command_server *server, int timeout_ms) {
    assert(timeout_ms >= 0);
    struct pollfd ready[COMMAND_PEER_MAX + 1];
    for (size_t i = 0; i < COMMAND_PEER_MAX; i++) {
        const struct peer *peer = &server->peer[i];
        short events = peer->out_size > 0 ? POLLOUT : POLLIN;
        ready[i] = (struct pollfd){.fd = peer->fd, .events = events}; /* poll skips fd -1 */
    }
    ready[COMMAND_PEER_MAX] = (struct pollfd){.fd = server->listener, .events = POLLIN};
    if (poll(ready, COMMAND_PEER_MAX + 1, wait_time(server, timeout_ms)) > 0) serve_ready(server, ready);
    drop_stalled(server);
}

void command_close(struct command_server *server) {
    if (server == NULL) return;
    for (size_t i = 0; i < COMMAND_PEER_MAX; i++)
        if (server->peer[i].fd >= 0) drop(&server->peer[i]);
    close(server->listener);
    unlink(server->path);
    command_memory_free(server->memory);
    free(server);
}
