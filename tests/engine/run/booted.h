#pragma once
/* A booted engine whose hot thread is the test: everything is real but nobody polls unless the test does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ctl/settings.h"
#include "run/hot.h"

#define SECOND INT64_C(1000000000)

enum { BINANCE = 0, MEXC = 1 };

struct booted {
    char home[64];
    char instance[32];
    struct engine *engine;
    struct hot *hot;
};

static inline void booted_start(struct booted *b) {
    struct error_trail trail = {0};
    log_init(LOG_FATAL);
    snprintf(b->home, sizeof b->home, "/tmp/arbdeck_run_XXXXXX");
    snprintf(b->instance, sizeof b->instance, "run_%d", (int)getpid());
    assert_non_null(mkdtemp(b->home));
    b->engine = calloc(1, sizeof *b->engine);
    assert_non_null(b->engine);
    if (engine_boot(b->engine, b->home, TEST_SOURCE_DIR "/config", b->instance, &trail) != 0)
        fail_msg("%s", trail.text);
    b->hot = hot_create(b->engine, &trail);
    assert_non_null(b->hot);
    if (hot_open(b->hot, &trail) != 0) fail_msg("%s", trail.text);
    b->hot->now = clock_mono_ns();
}

static inline void booted_end(struct booted *b) {
    char command[192];
    hot_destroy(b->hot);
    engine_shut(b->engine);
    free(b->engine);
    snprintf(command, sizeof command, "rm -r %s && rm -f /dev/shm/arbdeck-%s-*", b->home, b->instance);
    assert_int_equal(system(command), 0);
}

/* Hands the gateway one end of a socket pair as a connected, upgraded connection; returns the venue's end. */
static inline int booted_connect(struct booted *b, uint32_t venue, enum engine_role role) {
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    struct to_hot message = {.kind = TO_HOT_CONNECTION, .venue = venue, .role = role, .fd = ends[0]};
    gateway_add(b->hot, &message);
    return ends[1];
}

/* What has come in is read, as the hot thread's loop does it. */
static inline void booted_poll(struct booted *b) {
    struct uring_event event[16];
    int count = uring_poll(b->hot->ring, SECOND, event, 16);
    for (int i = 0; i < count; i++) {
        if (event[i].kind == URING_RECEIVED) gateway_receive(b->hot, event[i].connection, event[i].recv_ns);
        if (event[i].kind != URING_CLOSED) continue;
        wire_remove(b->hot->wires, event[i].connection);
        gateway_lost(b->hot, event[i].connection, "closed");
    }
}

/* What the core holds of a symbol at a venue; symbols of the first page. */
static inline struct abi_quote booted_quote(struct booted *b, uint32_t symbol, uint32_t venue) {
    static struct abi_book book;
    core_view_book(b->hot->core, venue, 0, &book);
    return book.quote[symbol];
}

/* Bytes that have arrived at the venue's end; 0: none. */
static inline size_t booted_arrived(int end, uint8_t *out, size_t cap) {
    ssize_t got = recv(end, out, cap, MSG_DONTWAIT);
    return got < 0 ? 0 : (size_t)got;
}

/* True when hot has told the courier that this connection is to be opened anew. */
static inline bool booted_told_lost(struct booted *b, uint32_t venue, enum engine_role role) {
    struct to_courier message;
    bool found = false;
    while (spsc_pop(b->engine->to_courier, &message))
        found |= message.kind == TO_COURIER_LOST && message.venue == venue && message.role == role;
    return found;
}
