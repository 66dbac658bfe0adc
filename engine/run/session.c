#include "session.h"

#include <stdio.h>
#include <string.h>

#include "../base/log.h"
#include "gateway.h"

/* Binance: a parameter is missing. Our orders lack apiKey and signature on purpose, so the session is gone. */
#define CODE_PARAMETER_MISSING (-1102)

static bool has_session(const struct gateway *gateway) {
    return gateway->keys->type == VENUE_KEY_ED25519;
}

void session_begin(struct hot *hot, uint32_t number, const char *logon) {
    struct gateway *gateway = &hot->gateway[hot->connection[number].venue];
    if (!has_session(gateway))
        gateway_subscribe_user(hot, number);
    else if (logon[0] != '\0') /* empty: it could not be signed, and the connection will not become ready */
        (void)send_text(hot, number, logon, strlen(logon));
}

bool session_holds(const struct hot *hot, uint32_t number) {
    const struct hot_connection *connection = &hot->connection[number];
    return !has_session(&hot->gateway[connection->venue]) || connection->logged_on;
}

static bool is_logon(const struct venue_message *message) {
    const struct venue_text *id = &message->request_id;
    return id->size == sizeof ENGINE_LOGON_ID - 1 && memcmp(id->data, ENGINE_LOGON_ID, id->size) == 0;
}

static void say(char *out, size_t cap, const char *what, const struct venue_message *message) {
    snprintf(out, cap, "%s: %.*s (code %d)", what, (int)(message->text.size < 60 ? message->text.size : 60),
             message->text.data == NULL ? "" : message->text.data, message->code);
}

/* Not ready from here on, so that no hedge of the order that is refused by this message leaves on this connection. */
static void end(struct hot *hot, uint32_t number, const struct venue_message *message) {
    struct hot_connection *connection = &hot->connection[number];
    char why[96];
    say(why, sizeof why, "session ended", message);
    connection->logged_on = false;
    connection->subscribed = false;
    gateway_capacity(hot, connection->venue);
    gateway_state(hot, connection->venue);
    if (message->verdict == VENUE_ERROR) order_message(hot, number, message);
    wire_remove(hot->wires, number);
    gateway_lost(hot, number, why);
}

static void logon_answered(struct hot *hot, uint32_t number, const struct venue_message *message) {
    struct hot_connection *connection = &hot->connection[number];
    struct gateway *gateway = &hot->gateway[connection->venue];
    if (message->verdict == VENUE_CONTROL && message->ok == 1) {
        gateway->logon_error[0] = '\0';
        connection->logged_on = true;
        log_write(LOG_INFO, "venue %s: logged on", gateway->settings->name);
        gateway_subscribe_user(hot, number);
        return;
    }
    say(gateway->logon_error, sizeof gateway->logon_error, "logon refused", message);
    log_write(LOG_WARNING, "venue %s: %s", gateway->settings->name, gateway->logon_error);
    if (message->verdict == VENUE_ERROR) order_message(hot, number, message); /* alarms, and OFF for a bad key */
    gateway_state(hot, connection->venue);
}

bool session_message(struct hot *hot, uint32_t number, const struct venue_message *message) {
    const struct hot_connection *connection = &hot->connection[number];
    if (connection->role != ENGINE_ORDERS || !has_session(&hot->gateway[connection->venue])) return false;
    bool status = message->verdict == VENUE_CONTROL && message->type == VENUE_TYPE_LOGON;
    if (!connection->logged_on) {
        if (!status && !is_logon(message)) return false;
        logon_answered(hot, number, message);
        return true;
    }
    bool refused = message->verdict == VENUE_ERROR &&
                   (message->code == CODE_PARAMETER_MISSING || message->error_class == VENUE_CLASS_FATAL);
    if (!refused && !(status && message->ok != 1)) return false;
    end(hot, number, message);
    return true;
}
