#include "error_class.h"

#include <string.h>

struct code_class {
    int32_t code;
    enum venue_error_class error_class;
};

static const struct code_class binance_codes[] = {
    {-1000, VENUE_CLASS_UNKNOWN},   /* unknown error while processing */
    {-1001, VENUE_CLASS_UNKNOWN},   /* disconnected internally */
    {-1002, VENUE_CLASS_FATAL},     /* not authorized */
    {-1003, VENUE_CLASS_RATE},      /* request weight; a ban with status 418 */
    {-1006, VENUE_CLASS_UNKNOWN},   /* execution status unknown */
    {-1007, VENUE_CLASS_UNKNOWN},   /* timeout, execution status unknown */
    {-1008, VENUE_CLASS_RETRY},     /* overloaded, not accepted */
    {-1013, VENUE_CLASS_REJECT},    /* filter failure */
    {-1014, VENUE_CLASS_REJECT},    /* unsupported combination */
    {-1015, VENUE_CLASS_RATE},      /* too many new orders */
    {-1016, VENUE_CLASS_HALT},      /* service is shutting down */
    {-1020, VENUE_CLASS_REJECT},    /* unsupported operation */
    {-1021, VENUE_CLASS_CLOCK},     /* outside recvWindow, or ahead */
    {-1022, VENUE_CLASS_FATAL},     /* signature */
    {-2010, VENUE_CLASS_REJECT},    /* refused by the engine; see the text */
    {-2011, VENUE_CLASS_NOT_FOUND}, /* cancel rejected */
    {-2013, VENUE_CLASS_NOT_FOUND}, /* order does not exist, or is not visible yet */
    {-2014, VENUE_CLASS_FATAL},     /* key format */
    {-2015, VENUE_CLASS_FATAL},     /* key, IP or permission */
    {-2016, VENUE_CLASS_HALT},      /* no trading window */
    {-2026, VENUE_CLASS_NOT_FOUND}, /* archived */
};

static const struct code_class mexc_codes[] = {
    {26, VENUE_CLASS_FATAL},        /* operation not allowed */
    {400, VENUE_CLASS_FATAL},       /* API key required */
    {401, VENUE_CLASS_FATAL},       /* no authority */
    {402, VENUE_CLASS_FATAL},       /* API key expired */
    {403, VENUE_CLASS_FATAL},       /* access denied */
    {418, VENUE_CLASS_BAN},         /* address banned */
    {429, VENUE_CLASS_RATE},        /* too many requests */
    {510, VENUE_CLASS_RATE},        /* too frequent */
    {602, VENUE_CLASS_FATAL},       /* signature */
    {10007, VENUE_CLASS_REJECT},    /* bad symbol */
    {10072, VENUE_CLASS_FATAL},     /* invalid access key */
    {10073, VENUE_CLASS_CLOCK},     /* invalid request time */
    {10098, VENUE_CLASS_FATAL},     /* risk control */
    {10101, VENUE_CLASS_REJECT},    /* insufficient balance */
    {30000, VENUE_CLASS_HALT},      /* suspended */
    {30001, VENUE_CLASS_REJECT},    /* direction not allowed */
    {30002, VENUE_CLASS_REJECT},    /* below the minimum */
    {30003, VENUE_CLASS_REJECT},    /* above the maximum */
    {30004, VENUE_CLASS_REJECT},    /* insufficient position */
    {30005, VENUE_CLASS_REJECT},    /* oversold */
    {30010, VENUE_CLASS_REJECT},    /* no valid price */
    {30014, VENUE_CLASS_HALT},      /* invalid symbol */
    {30016, VENUE_CLASS_HALT},      /* trading disabled */
    {30018, VENUE_CLASS_REJECT},    /* market orders disabled */
    {30019, VENUE_CLASS_REJECT},    /* API market orders disabled */
    {30021, VENUE_CLASS_HALT},      /* invalid symbol */
    {30025, VENUE_CLASS_REJECT},    /* no counterparty */
    {30027, VENUE_CLASS_REJECT},    /* position cap */
    {30028, VENUE_CLASS_REJECT},    /* risk control of the side */
    {30029, VENUE_CLASS_RATE},      /* too many open orders */
    {30041, VENUE_CLASS_REJECT},    /* order type not allowed */
    {30051, VENUE_CLASS_REJECT},    /* order type disabled */
    {30087, VENUE_CLASS_REJECT},    /* price outside the allowed range */
    {60005, VENUE_CLASS_FATAL},     /* account abnormal */
    {70011, VENUE_CLASS_FATAL},     /* pair banned for this key */
    {700001, VENUE_CLASS_FATAL},    /* key format */
    {700002, VENUE_CLASS_FATAL},    /* signature */
    {700003, VENUE_CLASS_CLOCK},    /* timestamp outside recvWindow */
    {700005, VENUE_CLASS_CLOCK},    /* recvWindow too long */
    {700006, VENUE_CLASS_FATAL},    /* IP not in the white list */
    {700007, VENUE_CLASS_FATAL},    /* no permission for the endpoint */
    {700013, VENUE_CLASS_REJECT},   /* content type */
    {-2011, VENUE_CLASS_NOT_FOUND}, /* unknown order */
    {-2013, VENUE_CLASS_NOT_FOUND}, /* order does not exist */
};

#define TABLE_SIZE(table) (sizeof(table) / sizeof((table)[0]))

static enum venue_error_class look_up(const struct code_class *table, size_t count, int32_t code) {
    for (size_t index = 0; index < count; index++) {
        if (table[index].code == code) return table[index].error_class;
    }
    return VENUE_CLASS_UNKNOWN;
}

static bool contains(struct venue_text text, const char *needle) {
    return text.data && memmem(text.data, text.size, needle, strlen(needle)) != NULL;
}

enum venue_error_class error_class_of_status(int status) {
    if (status == 429) return VENUE_CLASS_RATE;
    if (status == 418) return VENUE_CLASS_BAN;
    return VENUE_CLASS_UNKNOWN;
}

enum venue_error_class binance_error_class(int32_t code, int status, struct venue_text text) {
    if (status == 418) return VENUE_CLASS_BAN;
    if (code == -2010 && contains(text, "Duplicate order")) return VENUE_CLASS_DUPLICATE;
    if (code == -2010 && contains(text, "Market is closed")) return VENUE_CLASS_HALT;
    if (code <= -1100 && code > -1200) return VENUE_CLASS_REJECT; /* malformed request: never reached matching */
    enum venue_error_class class = look_up(binance_codes, TABLE_SIZE(binance_codes), code);
    /* Only "overloaded" is a server failure that says the request was not taken. */
    if (status >= 500 && class != VENUE_CLASS_RETRY) return VENUE_CLASS_UNKNOWN;
    return class == VENUE_CLASS_UNKNOWN ? error_class_of_status(status) : class;
}

enum venue_error_class mexc_error_class(int32_t code, int status, struct venue_text text) {
    (void)text; /* often Chinese: codes only */
    if (status >= 500) return VENUE_CLASS_UNKNOWN;
    if (status == 418 || status == 429) return error_class_of_status(status);
    return look_up(mexc_codes, TABLE_SIZE(mexc_codes), code);
}
