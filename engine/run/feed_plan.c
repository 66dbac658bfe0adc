#include "feed_plan.h"

#include <assert.h>
#include <string.h>

#include "engine.h"

_Static_assert(ABI_SYMBOL_MAX <= 30 * ENGINE_FEED_MAX, "30 symbols a connection are the fewest that venues allow");

uint32_t feed_plan_count(const struct settings_engine *settings, uint32_t venue, const struct venue_ops *ops) {
    uint32_t traded = 0, most = ops->feed_symbols_max;
    uint32_t wanted = settings->venue[venue].feed_symbols_max;
    if (wanted != 0 && wanted < most) most = wanted;
    for (uint32_t s = 0; s < settings->symbol_count; s++)
        traded += settings->symbol[s].venue[venue].traded;
    uint32_t count = (traded + most - 1) / most;
    return count > ENGINE_FEED_MAX ? ENGINE_FEED_MAX : count;
}

uint32_t feed_plan_symbols(const struct settings_engine *settings, uint32_t venue, const struct venue_ops *ops,
                           uint32_t slot, struct venue_text *names, uint32_t *symbols) {
    uint32_t slots = feed_plan_count(settings, venue, ops), traded = 0, count = 0;
    assert(slot < slots);
    for (uint32_t s = 0; s < settings->symbol_count; s++) {
        const struct settings_symbol_venue *at = &settings->symbol[s].venue[venue];
        if (!at->traded || traded++ % slots != slot) continue;
        assert(count < VENUE_FEED_SYMBOLS_MAX);
        if (names != NULL) names[count] = (struct venue_text){at->name, (uint32_t)strlen(at->name)};
        if (symbols != NULL) symbols[count] = s;
        count++;
    }
    return count;
}
