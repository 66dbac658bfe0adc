/* Settings as people write them -> the core's tables: names to indices, decimal texts to integer units. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "../base/decimal.h"
#include "../base/text.h"
#include "engine.h"

/* "0.010" -> 2 digits, 1 unit; "25" -> 0 digits, 25 units. */
static int step_parse(const char *text, uint32_t *digits, struct decimal *out) {
    if (decimal_parse(text, strlen(text), out) != 0 || out->mantissa <= 0) return ERROR_BAD;
    while (out->exponent < 0 && out->mantissa % 10 == 0) {
        out->mantissa /= 10;
        out->exponent++;
    }
    *digits = out->exponent < 0 ? (uint32_t)-out->exponent : 0;
    return 0;
}

static uint32_t asset_index(struct core_setup *setup, const char *name) {
    for (uint32_t a = 0; a < setup->asset_count; a++)
        if (strcmp(setup->asset[a].name, name) == 0) return a;
    assert(setup->asset_count < ABI_ASSET_MAX); /* two of each symbol fit */
    struct journal_asset *asset = &setup->asset[setup->asset_count];
    asset->index = setup->asset_count;
    text_copy(asset->name, sizeof asset->name, name);
    return setup->asset_count++;
}

static int symbol_setup(struct core_setup *setup, const struct settings_engine *settings, uint32_t index,
                        struct error_trail *trail) {
    const struct settings_symbol *from = &settings->symbol[index];
    struct journal_symbol *to = &setup->symbol[index];
    struct decimal tick, lot, minimum;
    if (step_parse(from->tick, &to->price_digits, &tick) != 0)
        return error_set(trail, ERROR_BAD, "symbols[%u].tick = \"%s\": a positive decimal number is needed", index,
                         from->tick);
    if (step_parse(from->lot, &to->qty_digits, &lot) != 0)
        return error_set(trail, ERROR_BAD, "symbols[%u].lot = \"%s\": a positive decimal number is needed", index,
                         from->lot);
    if (decimal_to_units_exact(tick, to->price_digits, &to->tick) != 0 ||
        decimal_to_units_exact(lot, to->qty_digits, &to->lot) != 0)
        return error_set(trail, ERROR_RANGE, "symbols[%u]: tick or lot out of range", index);
    if (decimal_parse(from->min_qty, strlen(from->min_qty), &minimum) != 0 ||
        decimal_to_units_exact(minimum, to->qty_digits, &to->min_qty) != 0)
        return error_set(trail, ERROR_BAD, "symbols[%u].min_qty = \"%s\": not a multiple of lot \"%s\"", index,
                         from->min_qty, from->lot);
    if (decimal_parse(from->min_notional, strlen(from->min_notional), &minimum) != 0 ||
        decimal_to_units_exact(minimum, 8, &to->min_notional_e8) != 0)
        return error_set(trail, ERROR_BAD, "symbols[%u].min_notional = \"%s\": at most 8 decimals", index,
                         from->min_notional);
    to->index = index;
    text_copy(to->name, sizeof to->name, from->name);
    to->quote_asset = asset_index(setup, from->quote);
    to->base_asset = asset_index(setup, from->base);
    for (uint32_t v = 0; v < settings->venue_count; v++) {
        const struct settings_symbol_venue *at = &from->venue[v];
        if (at->traded) to->venue_mask |= 1u << v;
        setup->taker_fee_ppm[v][index] =
            at->taker_fee_ppm >= 0 ? at->taker_fee_ppm : settings->venue[v].taker_fee_ppm;
    }
    return 0;
}

int engine_setup_from_settings(struct engine *engine, struct error_trail *trail) {
    const struct settings_engine *settings = &engine->settings;
    struct core_setup *setup = &engine->setup;
    memset(setup, 0, sizeof *setup);
    setup->generation = engine->generation;
    setup->wall_offset_ns = engine->wall_offset_ns;
    setup->mode = settings->mode;
    setup->venue_count = settings->venue_count;
    setup->symbol_count = settings->symbol_count;
    setup->limits = settings->limits;
    for (uint32_t v = 0; v < settings->venue_count; v++) {
        setup->venue[v].index = v;
        text_copy(setup->venue[v].name, sizeof setup->venue[v].name, settings->venue[v].name);
        text_copy(setup->venue[v].kind, sizeof setup->venue[v].kind, settings->venue[v].kind);
        engine->ops[v] = venue_ops_find(settings->venue[v].kind);
        if (engine->ops[v] == NULL)
            return error_set(trail, ERROR_NOT_FOUND, "venues[%u].kind = \"%s\": no such wire format", v,
                             settings->venue[v].kind);
    }
    for (uint32_t s = 0; s < settings->symbol_count; s++)
        if (symbol_setup(setup, settings, s, trail) != 0) return trail->code;
    setup->strategy_count = engine->strategies.count;
    for (uint32_t i = 0; i < engine->strategies.count; i++) {
        setup->params[i] = engine->strategies.strategy[i].params;
        text_copy(setup->strategy_name[i], sizeof setup->strategy_name[i], engine->strategies.strategy[i].name);
    }
    return 0;
}
