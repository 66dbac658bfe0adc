/* WebSocket as a server: the upgrade, frames of clients, subscriptions and logons. */
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "load.h"

static void subscribe_named(struct load *load, struct load_connection *connection, const char *text, size_t size) {
    /* Every symbol of ours that the text names: c0007usdt@.. in a path, ..@C0007USDT in a request. */
    for (size_t at = 0; at + 9 <= size; at++) {
        if ((text[at] | 0x20) != 'c' || (text[at + 5] | 0x20) != 'u' || (text[at + 6] | 0x20) != 's') continue;
        uint32_t symbol = 0;
        bool digits = true;
        for (size_t i = 1; i <= 4; i++) {
            digits &= text[at + i] >= '0' && text[at + i] <= '9';
            symbol = symbol * 10 + (uint32_t)(text[at + i] - '0');
        }
        if (digits && symbol < load->symbol_count) load->venue[connection->venue].feed[symbol] = connection;
    }
}

static void set_role(struct load *load, struct load_connection *connection, const char *path, size_t size) {
    struct load_venue *venue = &load->venue[connection->venue];
    if (memmem(path, size, "listenKey=", 10) != NULL) {
        connection->role = LOAD_USER;
        venue->user = connection;
    } else if (memmem(path, size, "ws-api", 6) != NULL) {
        connection->role = LOAD_ORDERS;
        venue->orders = venue->user = connection;
    } else {
        connection->role = LOAD_FEED;
        subscribe_named(load, connection, path, size);
    }
}

void load_upgrade(struct load *load, struct load_connection *connection, const char *head, size_t size) {
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    static const char key_name[] = "Sec-WebSocket-Key: ";
    char joined[24 + sizeof magic], accept[64], out[256];
    uint8_t digest[EVP_MAX_MD_SIZE];
    const char *key = memmem(head, size, key_name, sizeof key_name - 1);
    const char *line_end = memchr(head, '\r', size);
    if (key == NULL || line_end == NULL) {
        load_close(load, connection);
        return;
    }
    memcpy(joined, key + sizeof key_name - 1, 24);
    memcpy(joined + 24, magic, sizeof magic);
    EVP_Digest(joined, 24 + sizeof magic - 1, digest, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char *)accept, digest, 20);
    int length = snprintf(out, sizeof out,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: %s\r\n\r\n",
                          accept);
    set_role(load, connection, head, (size_t)(line_end - head));
    load_send(connection, out, (size_t)length);
}

/* Orders, logons and subscriptions on Binance's order connection. */
static void api_request(struct load *load, struct load_connection *connection, const char *text, size_t size) {
    char out[320];
    size_t id_size = 0;
    const char *id = load_json_text(text, size, "id", &id_size);
    if (memmem(text, size, "order.place", 11) != NULL) {
        load_order_in(load, connection, text, size, true);
        return;
    }
    if (id == NULL) return;
    bool quoted = id > text && id[-1] == '"';
    if (quoted) { /* given back as it came */
        id--;
        id_size += 2;
    }
    long long now_ms = (long long)(bench_wall_ns() / 1000000);
    int length;
    if (memmem(text, size, "session.logon", 13) != NULL) {
        length = snprintf(out, sizeof out,
                          "{\"id\":%.*s,\"status\":200,\"result\":{\"apiKey\":\"bench\",\"authorizedSince\":%lld,"
                          "\"connectedSince\":%lld,\"returnRateLimits\":false,\"serverTime\":%lld,"
                          "\"userDataStream\":false}}",
                          (int)id_size, id, now_ms, now_ms, now_ms);
    } else if (memmem(text, size, "userDataStream.subscribe", 24) != NULL) {
        connection->subscribed_in_envelope = true;
        length = snprintf(out, sizeof out, "{\"id\":%.*s,\"status\":200,\"result\":{\"subscriptionId\":0}}",
                          (int)id_size, id);
    } else {
        length = snprintf(out, sizeof out, "{\"id\":%.*s,\"status\":200,\"result\":{}}", (int)id_size, id);
    }
    load_send_frame(connection, FRAME_TEXT, out, (size_t)length);
}

/* Control texts of market data and of MEXC's private stream. */
static void stream_request(struct load *load, struct load_connection *connection, const char *text, size_t size) {
    char out[8192];
    const struct load_venue *venue = &load->venue[connection->venue];
    if (memmem(text, size, "PING", 4) != NULL) {
        static const char pong[] = "{\"id\":0,\"code\":0,\"msg\":\"PONG\"}";
        load_send_frame(connection, FRAME_TEXT, pong, sizeof pong - 1);
        return;
    }
    if (connection->role == LOAD_FEED) subscribe_named(load, connection, text, size);
    size_t id_size = 0;
    const char *id = load_json_text(text, size, "id", &id_size);
    int length;
    if (venue->kind == LOAD_BINANCE) {
        length = snprintf(out, sizeof out, "{\"result\":null,\"id\":%.*s}", id == NULL ? 4 : (int)id_size,
                          id == NULL ? "null" : id);
    } else { /* the topics, without their quotation marks */
        length = snprintf(out, sizeof out, "{\"id\":0,\"code\":0,\"msg\":\"");
        const char *at = memchr(text, '[', size),
                   *end = at == NULL ? NULL : memchr(at, ']', size - (size_t)(at - text));
        for (; end != NULL && ++at < end && length < (int)sizeof out - 8;)
            if (*at != '"') out[length++] = *at;
        length += snprintf(out + length, sizeof out - (size_t)length, "\"}");
    }
    load_send_frame(connection, FRAME_TEXT, out, (size_t)length);
}

bool load_frame(struct load *load, struct load_connection *connection) {
    uint8_t *in = connection->in;
    if (connection->in_size < 6) return false;
    size_t size = in[1] & 0x7fu, head = 2;
    if (size == 126) {
        head = 4;
        size = (size_t)in[2] << 8 | in[3];
    }
    if ((in[1] & 0x80u) == 0 || size == 127) { /* not masked, or longer than anything we expect */
        load_close(load, connection);
        return false;
    }
    const size_t used = head + 4 + size;
    if (connection->in_size < used) return false;
    uint8_t *payload = in + head + 4;
    for (size_t i = 0; i < size; i++)
        payload[i] ^= in[head + (i & 3)];
    uint8_t opcode = in[0] & 0x0fu;
    if (opcode == 0x9) load_send_frame(connection, FRAME_PONG, payload, size);
    if (opcode == 0xa) connection->pongs++;
    if (opcode == 0x1 && connection->role == LOAD_ORDERS) api_request(load, connection, (char *)payload, size);
    if (opcode == 0x1 && connection->role != LOAD_ORDERS) stream_request(load, connection, (char *)payload, size);
    if (opcode == 0x8) {
        load_close(load, connection);
        return false;
    }
    connection->in_size -= used;
    memmove(in, in + used, connection->in_size);
    return true;
}
