/* What comes in: request heads, upgrades, REST questions; WebSocket frames go to load_websocket.c. */
#include <stdio.h>
#include <string.h>

#include "load.h"

#define ACCOUNT_SIZE (96u << 10)

/* The value ends at a quotation mark, a comma or a closing brace. */
const char *load_json_text(const char *text, size_t size, const char *name, size_t *value_size) {
    char key[48];
    int key_size = snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = memmem(text, size, key, (size_t)key_size), *end = text + size;
    if (at == NULL) return NULL;
    at += key_size;
    const char *stop = at;
    if (at < end && *at == '"') {
        at++;
        stop = memchr(at, '"', (size_t)(end - at));
        if (stop == NULL) return NULL;
    } else {
        while (stop < end && *stop != ',' && *stop != '}')
            stop++;
    }
    *value_size = (size_t)(stop - at);
    return at;
}

const char *load_query_text(const char *text, size_t size, const char *name, size_t *value_size) {
    char key[48];
    int key_size = snprintf(key, sizeof key, "%s=", name);
    const char *at = text, *end = text + size;
    while ((at = memmem(at, (size_t)(end - at), key, (size_t)key_size)) != NULL) {
        if (at > text && (at[-1] == '&' || at[-1] == '?')) break;
        at++;
    }
    if (at == NULL) return NULL;
    at += key_size;
    const char *stop = at;
    while (stop < end && *stop != '&' && *stop != ' ')
        stop++;
    *value_size = (size_t)(stop - at);
    return at;
}

static void answer(struct load_connection *connection, int status, const char *body, size_t size) {
    char head[160];
    int head_size = snprintf(head, sizeof head,
                             "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                             "Connection: keep-alive\r\n\r\n",
                             status, status == 200 ? "OK" : "Bad Request", size);
    load_send(connection, head, (size_t)head_size);
    for (size_t at = 0; at < size; at += LOAD_OUT_SIZE / 4) /* records of a size that load_seal holds */
        load_send(connection, body + at, size - at < LOAD_OUT_SIZE / 4 ? size - at : LOAD_OUT_SIZE / 4);
}

static void account(struct load *load, struct load_connection *connection) {
    static char body[ACCOUNT_SIZE];
    const struct load_venue *venue = &load->venue[connection->venue];
    int size = snprintf(body, sizeof body,
                        "{\"canTrade\":true,\"accountType\":\"SPOT\",\"updateTime\":null,\"balances\":["
                        "{\"asset\":\"USDT\",\"free\":\"%lld.%08lld\",\"locked\":\"0\"}",
                        (long long)(venue->usdt_e8 / 100000000), (long long)(venue->usdt_e8 % 100000000));
    for (uint32_t s = 0; s < load->symbol_count; s++)
        size += snprintf(body + size, sizeof body - (size_t)size,
                         ",{\"asset\":\"C%04u\",\"free\":\"%lld.%08lld\",\"locked\":\"0\"}", s,
                         (long long)(venue->base_e8[s] / 100000000), (long long)(venue->base_e8[s] % 100000000));
    size += snprintf(body + size, sizeof body - (size_t)size, "]}");
    answer(connection, 200, body, (size_t)size);
}

static void rest(struct load *load, struct load_connection *connection, const char *head, size_t size) {
    char body[128];
    load->requests++;
    const char *line_end = memchr(head, '\r', size);
    size_t line = line_end == NULL ? size : (size_t)(line_end - head);
    if (memmem(head, line, "/api/v3/account", 15) != NULL) {
        account(load, connection);
    } else if (memmem(head, line, "/api/v3/time", 12) != NULL) {
        int text = snprintf(body, sizeof body, "{\"serverTime\":%lld}", (long long)(bench_wall_ns() / 1000000));
        answer(connection, 200, body, (size_t)text);
    } else if (memmem(head, line, "userDataStream", 14) != NULL) {
        int text = snprintf(body, sizeof body, "{\"listenKey\":\"bench%u\"}", connection->venue);
        answer(connection, 200, body, (size_t)text);
    } else if (memmem(head, line, "myTrades", 8) != NULL || memmem(head, line, "openOrders", 10) != NULL) {
        answer(connection, 200, "[]", 2);
    } else if (memmem(head, line, "/api/v3/order", 13) != NULL) {
        static const char none[] = "{\"code\":-2013,\"msg\":\"Order does not exist.\"}";
        answer(connection, 400, none, sizeof none - 1);
    } else {
        answer(connection, 200, "{}", 2);
    }
}

/* One whole head from the front of the buffer; requests of the engine have no bodies. */
static bool request(struct load *load, struct load_connection *connection) {
    const char *text = (const char *)connection->in;
    const char *end = memmem(text, connection->in_size, "\r\n\r\n", 4);
    if (end == NULL) return false;
    size_t size = (size_t)(end - text) + 4;
    if (memmem(text, size, "Upgrade:", 8) != NULL || memmem(text, size, "upgrade:", 8) != NULL) {
        load_upgrade(load, connection, text, size);
    } else {
        connection->role = LOAD_HTTP;
        if (size > 18 && memcmp(text, "POST /api/v3/order", 18) == 0)
            load_order_in(load, connection, text, size, false);
        else
            rest(load, connection, text, size);
    }
    connection->in_size -= size;
    memmove(connection->in, connection->in + size, connection->in_size);
    return true;
}

void load_process(struct load *load, struct load_connection *connection) {
    bool more = true;
    while (more && connection->used && connection->in_size > 0)
        more = connection->role == LOAD_NEW || connection->role == LOAD_HTTP ? request(load, connection)
                                                                             : load_frame(load, connection);
}
