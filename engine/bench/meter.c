#include "meter.h"

#define CALLS 100000

uint32_t meter_round_count(const struct meter *meter, uint32_t count) {
    uint32_t rounds = CALLS / (count == 0 ? 1 : count) / meter->scale;
    return rounds == 0 ? 1 : rounds;
}

void meter_print(struct meter *meter, const char *name, double average_ticks, struct samples *samples) {
    char inner[512] = {0};
    FILE *text = fmemopen(inner, sizeof inner, "w");
    if (text == NULL) return;
    samples_print(text, name, samples, meter->ticks_per_ns, "ns");
    fclose(text);
    /* "name":{ comes first: the average is put behind the brace. */
    const char *rest = inner;
    while (*rest != '\0' && *rest != '{')
        rest++;
    fprintf(meter->out, "%s%.*s{\"value\":%.2f,%s", meter->any ? "," : "", (int)(rest - inner), inner,
            average_ticks / meter->ticks_per_ns, *rest == '{' ? rest + 1 : rest);
    meter->any = true;
    samples_free(samples);
}
