#pragma once
/* Abbreviations for the rows of the settings tables, which follow one another in settings_table*.c. */
#include "settings.h"
#include "settings_table.h"

#define CAP(owner, member)   sizeof(((struct owner *)0)->member)
#define FIELD(owner, member) .offset = offsetof(struct owner, member)
#define TEXT_FIELD(owner, member)                                                                                  \
    .type = SETTING_TEXT, .store = STORE_TEXT, FIELD(owner, member), .cap = CAP(owner, member)
#define TABLE_OF(rows, name)                                                                                       \
    { .title = (name), .row = (rows), .count = sizeof(rows) / sizeof((rows)[0]) }

#define MS_NS   INT64_C(1000000)
#define S_NS    INT64_C(1000000000)
#define USD_E8  INT64_C(100000000)
#define BPS_E4  INT64_C(10000)
#define BPS_PPM INT64_C(100)

#define USD            .type = SETTING_NUMBER, .scale = USD_E8, .unit = "USD"
#define BPS            .type = SETTING_NUMBER, .scale = BPS_E4, .unit = "bps"
#define MS             .type = SETTING_INTEGER, .scale = MS_NS, .unit = "ms"
#define SECONDS        .type = SETTING_INTEGER, .scale = S_NS, .unit = "s"
#define COUNT(name)    .type = SETTING_INTEGER, .scale = 1, .unit = (name)
#define RANGE(a, b, c) .least = (a), .greatest = (b), .standard = (c)

extern const struct setting_pattern settings_instance_name;
