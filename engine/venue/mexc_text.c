/* MEXC's text frames: answers to subscriptions and pings, and bare words. */
#include <string.h>

#include "mexc.h"
#include "utf8.h"

static const char *find(struct venue_text text, const char *needle) {
    return memmem(text.data, text.size, needle, strlen(needle));
}

/* The list between [ and ] that follows `from`. */
static struct venue_text list_after(struct venue_text text, const char *from) {
    struct venue_text list = {from, 0};
    const char *end = text.data + text.size;
    const char *opening = memchr(from, '[', (size_t)(end - from));
    if (!opening) return list;
    const char *closing = memchr(opening, ']', (size_t)(end - opening));
    if (!closing) return list;
    return (struct venue_text){opening + 1, (uint32_t)(closing - opening - 1)};
}

/* A refusal has code 0 too; only the wording differs from a success. */
static void decode_ack_text(struct venue_text text, struct venue_message *out) {
    static const char refused[] = "Not Subscribed successfully!";
    static const char accepted[] = "Subscribed successful!";
    const char *no = find(text, refused), *yes = find(text, accepted);
    if (no) {
        out->text = list_after(text, no);
        out->ok = yes && list_after(text, yes).size > 0 ? 2 : 0;
    } else if (yes) {
        out->text = list_after(text, yes);
        out->ok = out->text.size > 0;
    } else {
        out->text = text;
        out->ok = text.size > 5 && memcmp(text.data, "spot@", 5) == 0;
    }
    message_control(out, VENUE_TYPE_SUB_ACK);
}

static void decode_text_json(const uint8_t *data, size_t size, struct venue_message *out) {
    static const struct json_name names[3] = {JSON_NAME("id"), JSON_NAME("code"), JSON_NAME("msg")};
    struct json_value values[3], object;
    struct json_scan scan;
    json_begin(&scan, data, size);
    const char *why = json_read(&scan, &object) && json_done(&scan) ? NULL : scan.why;
    if (!why && object.kind != JSON_OBJECT) {
        message_control(out, VENUE_TYPE_IGNORE);
        return;
    }
    if (!why) why = json_members(&object, names, 3, values);
    if (why) {
        message_reject(out, why);
    } else if (values[1].kind == JSON_ABSENT || values[2].kind != JSON_STRING) {
        message_control(out, VENUE_TYPE_IGNORE);
    } else if (!json_i32(&values[1], &out->code)) {
        message_reject(out, "code is no integer");
    } else {
        struct venue_text text = message_text(&values[2]);
        message_id_or_number(&values[0], &out->request_id);
        if (out->code != 0) {
            out->text = text;
            message_control(out, VENUE_TYPE_SUB_ACK); /* ok stays 0 */
        } else if (json_equals(&values[2], "PONG")) {
            message_control(out, VENUE_TYPE_PONG);
        } else {
            decode_ack_text(text, out);
        }
    }
}

static bool has_control_bytes(const uint8_t *data, size_t size) {
    for (size_t index = 0; index < size; index++) {
        if (data[index] < 0x20 && data[index] != '\t' && data[index] != '\r' && data[index] != '\n') return true;
    }
    return false;
}

void mexc_decode_text(const uint8_t *data, size_t size, struct venue_message *out) {
    struct venue_text text = {(const char *)data, (uint32_t)size};
    struct json_scan scan;
    json_begin(&scan, data, size);
    if (json_peek(&scan, '{') || json_peek(&scan, '[')) {
        decode_text_json(data, size, out);
    } else if (!utf8_valid(data, size) || has_control_bytes(data, size)) {
        message_reject(out, "neither JSON nor readable text");
    } else {
        out->text = text;
        message_control(out, find(text, "Invalid listen key") ? VENUE_TYPE_CONTROL_ERROR : VENUE_TYPE_IGNORE);
    }
}
