#pragma once
/* A venue that speaks TLS on a real socket, in a thread of its own: one connection, then what it saw is looked at. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/tcp.h"
#include "tls_fixture.h"

#define SECOND INT64_C(1000000000)

enum server_act {
    SERVER_ECHO,    /* sends back what comes */
    SERVER_ANSWERS, /* each request with `say` */
    SERVER_SPEAKS,  /* `say` at once, then as ECHO */
    SERVER_PLAIN,   /* `say` without TLS */
    SERVER_SILENT,  /* accepts, and no more */
    SERVER_CUTS,    /* reads once, then closes the socket without TLS's end */
};

struct tls_server {
    enum server_act act;
    const char *say;
    SSL_CTX *rules;
    bool one_byte; /* each byte in a packet of its own */
    int listener;
    pthread_t thread;
    struct url url;
    /* What it saw. */
    bool shaken;
    size_t data_size; /* bytes of ours it could read */
    int alert;        /* our alert that it got, or -1 */
    int requests;
};

/* Takes what OpenSSL writes and sends it byte by byte. */
static inline void server_flush(struct tls_server *server, int fd, SSL *ssl) {
    char bytes[4096];
    for (int size; (size = BIO_read(SSL_get_wbio(ssl), bytes, sizeof bytes)) > 0;)
        for (int i = 0; i < size; i += server->one_byte ? 1 : size)
            if (send(fd, bytes + i, server->one_byte ? 1 : (size_t)size, MSG_NOSIGNAL) < 0) return;
}

/* More bytes from the socket; false at its end. */
static inline bool server_fetch(int fd, SSL *ssl) {
    char bytes[16384];
    ssize_t size = recv(fd, bytes, sizeof bytes, 0);
    if (size <= 0) return false;
    assert_int_equal(BIO_write(SSL_get_rbio(ssl), bytes, (int)size), size);
    return true;
}

static inline void server_note_alert(const SSL *ssl, int where, int value) {
    struct tls_server *server = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT) server->alert = value & 0xff;
}

static inline bool server_shake(struct tls_server *server, int fd, SSL *ssl) {
    for (;;) {
        int result = SSL_do_handshake(ssl);
        server_flush(server, fd, ssl);
        if (result == 1) return true;
        if (SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ || !server_fetch(fd, ssl)) return false;
    }
}

static inline void server_talk(struct tls_server *server, int fd, SSL *ssl) {
    static char data[65536];
    if (server->act == SERVER_SPEAKS) SSL_write(ssl, server->say, (int)strlen(server->say));
    server_flush(server, fd, ssl);
    for (;;) {
        int size = SSL_read(ssl, data, sizeof data);
        if (size > 0) {
            server->data_size += (size_t)size;
            server->requests++;
            if (server->act == SERVER_CUTS) return;
            if (server->act == SERVER_ANSWERS)
                SSL_write(ssl, server->say, (int)strlen(server->say));
            else
                SSL_write(ssl, data, size);
            server_flush(server, fd, ssl);
        } else if (SSL_get_error(ssl, size) != SSL_ERROR_WANT_READ || !server_fetch(fd, ssl)) {
            return;
        }
    }
}

static inline void *server_main(void *argument) {
    struct tls_server *server = argument;
    int fd = accept(server->listener, NULL, NULL);
    if (fd < 0) return NULL;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    char byte;
    if (server->act == SERVER_PLAIN) (void)!send(fd, server->say, strlen(server->say), MSG_NOSIGNAL);
    if (server->act == SERVER_PLAIN || server->act == SERVER_SILENT) {
        while (recv(fd, &byte, 1, 0) > 0)
            continue;
    } else {
        SSL *ssl = SSL_new(server->rules);
        SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_accept_state(ssl);
        server->shaken = server_shake(server, fd, ssl);
        server_talk(server, fd, ssl);
        SSL_free(ssl);
    }
    close(fd);
    ERR_clear_error();
    return NULL;
}

/* On 127.0.0.1, called `host` in its address. */
static inline void server_start(struct tls_server *server, const struct identity *identity, int version,
                                enum server_act act, const char *say, const char *host) {
    *server = (struct tls_server){.act = act, .say = say, .alert = -1};
    server->rules = server_rules(identity, version);
    SSL_CTX_set_app_data(server->rules, server);
    SSL_CTX_set_info_callback(server->rules, server_note_alert);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->listener, 1), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    char text[80];
    snprintf(text, sizeof text, "https://%s:%d", host, ntohs(address.sin_port));
    assert_int_equal(url_parse(text, &server->url), 0);
}

static inline void server_run(struct tls_server *server) {
    assert_int_equal(pthread_create(&server->thread, NULL, server_main, server), 0);
}

/* After the client has closed. */
static inline void server_end(struct tls_server *server) {
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    SSL_CTX_free(server->rules);
}
