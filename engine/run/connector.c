/* Threads that open connections: one venue's slowness is not another's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "courier.h"

static void open_one(struct connector *connector) {
    int64_t deadline_ns = clock_mono_ns() + COURIER_CONNECT_NS;
    connector->answer = (struct ws_handshake){.retry_after_s = -1};
    connector->trail = (struct error_trail){0};
    connector->link = (struct tcp_link){.trust = connector->link.trust, .fd = -1};
    connector->rest = (struct tcp_rest){.data = connector->rest_bytes, .cap = sizeof connector->rest_bytes};
    connector->code = connector->websocket
                          ? tcp_websocket(connector->url, connector->target, deadline_ns, &connector->link,
                                          &connector->rest, &connector->answer, &connector->trail)
                          : tcp_connect(connector->url, deadline_ns, &connector->link, &connector->trail);
}

static void *connector_main(void *argument) {
    struct connector *connector = argument;
    for (;;) {
        while (sem_wait(&connector->start) != 0 && errno == EINTR)
            continue;
        if (atomic_load(&connector->quit)) return NULL;
        open_one(connector);
        atomic_store_explicit(&connector->working, false, memory_order_release);
    }
}

int connectors_start(struct courier *courier) {
    courier->connector = calloc(COURIER_CONNECTORS, sizeof *courier->connector);
    if (courier->connector == NULL) return ERROR_SYSTEM;
    for (uint32_t i = 0; i < COURIER_CONNECTORS; i++) {
        struct connector *connector = &courier->connector[i];
        if (sem_init(&connector->start, 0, 0) != 0) break;
        if (pthread_create(&connector->thread, NULL, connector_main, connector) != 0) {
            sem_destroy(&connector->start);
            break;
        }
        courier->connector_count++;
    }
    return courier->connector_count > 0 ? 0 : ERROR_SYSTEM;
}

void connectors_stop(struct courier *courier) {
    for (uint32_t i = 0; i < courier->connector_count; i++) {
        atomic_store(&courier->connector[i].quit, true);
        sem_post(&courier->connector[i].start);
    }
    for (uint32_t i = 0; i < courier->connector_count; i++) {
        struct connector *connector = &courier->connector[i];
        pthread_join(connector->thread, NULL);
        sem_destroy(&connector->start);
        /* Opened and not yet handed over. */
        if (connector->busy && connector->ticket == 0 && connector->code == 0) tcp_close(&connector->link);
    }
    free(courier->connector);
}

struct connector *connector_free(struct courier *courier, uint32_t venue) {
    uint64_t applied = atomic_load_explicit(&courier->engine->ticket_applied[LANE_COURIER], memory_order_acquire);
    struct connector *found = NULL;
    uint32_t opening = 0;
    for (uint32_t i = 0; i < courier->connector_count; i++) {
        struct connector *connector = &courier->connector[i];
        if (connector->ticket != 0 && connector->ticket <= applied) {
            connector->ticket = 0;
            connector->busy = false;
        }
        if (!connector->busy) found = connector;
        opening += connector->busy && connector->venue == venue;
    }
    return opening < COURIER_VENUE_OPENING ? found : NULL;
}

void connector_go(struct connector *connector) {
    connector->busy = true;
    connector->code = ERROR_TIMEOUT;
    connector->began_ns = clock_mono_ns();
    atomic_store_explicit(&connector->working, true, memory_order_release);
    sem_post(&connector->start);
}
