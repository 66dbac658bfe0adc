/* Sockets of the load generator: listening, TLS as a server over memory buffers, receiving, sending. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/error.h"

#define EVENTS     64
#define LISTEN_TAG (UINT64_C(1) << 32)

int load_listen(struct load *load) {
    load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (load->epoll_fd < 0) return ERROR_SYSTEM;
    for (uint32_t v = 0; v < load->venue_count; v++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof address;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = LISTEN_TAG | v};
        load->venue[v].listen_fd = fd;
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 128) != 0 ||
            getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
            epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
            return ERROR_SYSTEM;
        load->venue[v].port = ntohs(address.sin_port);
    }
    return 0;
}

static int tls_attach(struct load *load, struct load_connection *connection) {
    connection->tls = SSL_new(load->tls);
    if (connection->tls == NULL) return ERROR_SYSTEM;
    SSL_set_bio(connection->tls, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(connection->tls);
    return 0;
}

static void accept_all(struct load *load, uint32_t venue) {
    for (;;) {
        int fd = accept4(load->venue[venue].listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        uint32_t index = 0;
        while (index < LOAD_CONNECTION_MAX && load->connection[index].used)
            index++;
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = index};
        int yes = 1;
        if (index == LOAD_CONNECTION_MAX || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0 ||
            epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
            close(fd);
            continue;
        }
        struct load_connection *connection = &load->connection[index];
        connection->used = true;
        connection->fd = fd;
        connection->venue = venue;
        connection->role = LOAD_NEW;
        connection->in_size = 0;
        connection->pings = connection->pongs = 0;
        connection->tls = NULL;
        if (load->tls != NULL && tls_attach(load, connection) != 0) load_close(load, connection);
    }
}

void load_close(struct load *load, struct load_connection *connection) {
    struct load_venue *venue = &load->venue[connection->venue];
    if (venue->orders == connection) venue->orders = NULL;
    if (venue->user == connection) venue->user = NULL;
    for (uint32_t s = 0; s < LOAD_SYMBOL_MAX; s++)
        if (venue->feed[s] == connection) venue->feed[s] = NULL;
    if (connection->tls != NULL) SSL_free(connection->tls);
    connection->tls = NULL;
    connection->used = false;
    close(connection->fd);
}

/* Sends what OpenSSL has to say of its own: handshake, tickets, alerts. */
static void tls_flush(struct load_connection *connection) {
    uint8_t out[LOAD_OUT_SIZE];
    int size;
    while ((size = BIO_read(SSL_get_wbio(connection->tls), out, sizeof out)) > 0)
        load_push(connection, out, (size_t)size);
}

static int tls_open(struct load_connection *connection, const uint8_t *data, size_t size) {
    if (BIO_write(SSL_get_rbio(connection->tls), data, (int)size) != (int)size) return -1;
    int got = 1, any = 0;
    while (got > 0) {
        got = SSL_read(connection->tls, connection->in + connection->in_size,
                       (int)(LOAD_IN_SIZE - connection->in_size));
        if (got > 0) {
            connection->in_size += (size_t)got;
            any = 1;
        }
    }
    int why = SSL_get_error(connection->tls, got);
    tls_flush(connection);
    return why == SSL_ERROR_WANT_READ || connection->in_size == LOAD_IN_SIZE ? any : -1;
}

int load_receive(struct load *load, struct load_connection *connection) {
    (void)load;
    if (connection->in_size == LOAD_IN_SIZE) return -1; /* more than anybody has to say at once */
    if (connection->tls == NULL) {
        ssize_t got = recv(connection->fd, connection->in + connection->in_size, LOAD_IN_SIZE - connection->in_size,
                           MSG_DONTWAIT);
        if (got > 0) connection->in_size += (size_t)got;
        return got > 0 ? 1 : got < 0 && errno == EAGAIN ? 0 : -1;
    }
    uint8_t sealed[LOAD_OUT_SIZE];
    ssize_t got = recv(connection->fd, sealed, sizeof sealed, MSG_DONTWAIT);
    if (got <= 0) return got < 0 && errno == EAGAIN ? 0 : -1;
    return tls_open(connection, sealed, (size_t)got);
}

int load_serve(struct load *load, int timeout_ms) {
    struct epoll_event event[EVENTS];
    int count = epoll_wait(load->epoll_fd, event, EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) {
        if (event[i].data.u64 == UINT64_MAX) continue; /* standard input, read by who asks */
        if ((event[i].data.u64 & LISTEN_TAG) != 0) {
            accept_all(load, (uint32_t)event[i].data.u64);
            continue;
        }
        struct load_connection *connection = &load->connection[event[i].data.u64];
        if (!connection->used) continue;
        int got = load_receive(load, connection);
        if (got > 0) load_process(load, connection);
        if (got < 0 && connection->used) load_close(load, connection);
    }
    return count;
}

size_t load_seal(struct load_connection *connection, const void *data, size_t size, uint8_t out[LOAD_OUT_SIZE]) {
    if (connection->tls == NULL) {
        memcpy(out, data, size);
        return size;
    }
    if (SSL_write(connection->tls, data, (int)size) != (int)size) return 0;
    int sealed = BIO_read(SSL_get_wbio(connection->tls), out, LOAD_OUT_SIZE);
    return sealed > 0 ? (size_t)sealed : 0;
}

void load_push(struct load_connection *connection, const uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t took = send(connection->fd, data, size, MSG_NOSIGNAL);
        if (took > 0) {
            data += took;
            size -= (size_t)took;
        } else if (took < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = connection->fd, .events = POLLOUT};
            (void)poll(&wait, 1, 100);
        } else if (took == 0 || errno != EINTR) {
            return; /* closed: the next receive says so */
        }
    }
}

void load_send(struct load_connection *connection, const void *data, size_t size) {
    uint8_t sealed[LOAD_OUT_SIZE];
    load_push(connection, sealed, load_seal(connection, data, size, sealed));
}

void load_send_frame(struct load_connection *connection, uint8_t first_byte, const void *payload, size_t size) {
    uint8_t frame[LOAD_OUT_SIZE / 2];
    load_send(connection, frame, quote_frame(first_byte, payload, size, frame));
}
