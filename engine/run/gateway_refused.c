/* Symbols that a venue does not give. Its answer to a subscription may be a success in form and a refusal in words: the
 * symbols it names get no data, an alarm says so, and the others trade. */
#include <stdio.h>
#include <string.h>

#include "../base/log.h"
#include "feed_plan.h"
#include "gateway.h"

/* "spot@public.aggre.bookTicker.v3.api.pb@10ms@BTCUSDT" and "BTCUSDT" name BTCUSDT. */
static bool item_names(const char *item, size_t size, const struct venue_text *symbol) {
    while (size > 0 && item[size - 1] == ' ')
        size--;
    if (size < symbol->size || memcmp(item + size - symbol->size, symbol->data, symbol->size) != 0) return false;
    return size == symbol->size || item[size - symbol->size - 1] == '@' || item[size - symbol->size - 1] == ' ';
}

static bool list_names(const struct venue_text *list, const struct venue_text *symbol) {
    size_t begin = 0;
    while (list->data != NULL && begin < list->size) {
        const char *comma = memchr(list->data + begin, ',', list->size - begin);
        size_t end = comma == NULL ? list->size : (size_t)(comma - list->data);
        if (item_names(list->data + begin, end - begin, symbol)) return true;
        begin = end + 1;
    }
    return false;
}

static void mark(struct gateway *gateway, uint32_t symbol, bool refused) {
    if (gateway->refused[symbol] == refused) return;
    gateway->refused[symbol] = refused;
    uint32_t *on = &gateway->refused_on[gateway->feed_slot[symbol]];
    gateway->refused_count += refused ? 1u : UINT32_MAX; /* modulo 2^32 */
    *on += refused ? 1u : UINT32_MAX;
}

/* As many names as the alarm's text holds, then how many more. */
static void tell(struct hot *hot, uint32_t venue, const struct venue_text *names, const bool *fresh,
                 uint32_t count) {
    char text[64] = "";
    size_t size = 0;
    uint32_t left = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!fresh[i]) continue;
        if (left > 0 || size + names[i].size + 2 >= sizeof text) {
            left++;
            continue;
        }
        size += (size_t)snprintf(text + size, sizeof text - size, " %.*s", (int)names[i].size, names[i].data);
    }
    if (size == 0 && left == 0) return;
    char more[24] = "";
    if (left > 0) snprintf(more, sizeof more, " and %u more", left);
    apply_alarm(hot, ABI_ALARM_ATTENTION, "SUBSCRIPTION", "venue %s refuses%s%s",
                hot->gateway[venue].settings->name, text, more);
}

bool gateway_refused(struct hot *hot, uint32_t number, const struct venue_message *message) {
    const struct hot_connection *connection = &hot->connection[number];
    struct gateway *gateway = &hot->gateway[connection->venue];
    struct venue_text names[VENUE_FEED_SYMBOLS_MAX];
    uint32_t symbols[VENUE_FEED_SYMBOLS_MAX], named = 0;
    bool refused[VENUE_FEED_SYMBOLS_MAX] = {false}, fresh[VENUE_FEED_SYMBOLS_MAX] = {false};
    uint32_t count = feed_plan_symbols(&hot->engine->settings, connection->venue, gateway->ops, connection->slot,
                                       names, symbols);
    for (uint32_t i = 0; message->ok != 1 && i < count; i++)
        named += refused[i] = list_names(&message->text, &names[i]);
    bool all = message->ok == 0 && named == 0; /* it says no, and to nothing in particular */
    for (uint32_t i = 0; i < count; i++) {
        refused[i] |= all;
        fresh[i] = refused[i] && !gateway->refused[symbols[i]];
        mark(gateway, symbols[i], refused[i]);
    }
    if (message->ok != 1)
        log_write(LOG_WARNING, "venue %s: subscription: %.*s", gateway->settings->name,
                  (int)(message->text.size < 400 ? message->text.size : 400),
                  message->text.data == NULL ? "refused" : message->text.data);
    tell(hot, connection->venue, names, fresh, count);
    return !gateway_all_refused(gateway, connection->slot);
}

void gateway_not_refused(struct hot *hot, uint32_t venue, uint32_t symbol) {
    mark(&hot->gateway[venue], symbol, false);
}

bool gateway_all_refused(const struct gateway *gateway, uint32_t slot) {
    return gateway->refused_on[slot] == gateway->feed_symbols[slot];
}
