/* Protects the way from a venue's symbol name to our symbol: every name is found, and no other bytes are taken for one
 * of them, with as many symbols as there may ever be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "run/symbol_names.h"

static char names[SYMBOL_NAMES_MAX][SYMBOL_NAME_SIZE];

static struct symbol_names *symbol_names_full(void) {
    struct symbol_names *symbols = calloc(1, sizeof *symbols);
    assert_non_null(symbols);
    for (uint32_t i = 0; i < SYMBOL_NAMES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "%.*s%uUSDT", (int)(i % 23), "ABCDEFGHIJKLMNOPQRSTUVW", i);
        assert_int_equal(symbol_names_add(symbols, names[i], i), 0);
    }
    return symbols;
}

/* The name with other bytes behind it, as it stands in a message. */
static int find(const struct symbol_names *symbols, const char *name, size_t size, char behind) {
    char message[2 * SYMBOL_NAME_SIZE];
    memset(message, behind, sizeof message);
    memcpy(message, name, size);
    return symbol_names_find(symbols, message, size);
}

static void every_name_is_found_whatever_follows_it(void **state) {
    (void)state;
    struct symbol_names *symbols = symbol_names_full();
    for (uint32_t i = 0; i < SYMBOL_NAMES_MAX; i++) {
        assert_int_equal(find(symbols, names[i], strlen(names[i]), '"'), i);
        assert_int_equal(find(symbols, names[i], strlen(names[i]), '\0'), i);
        assert_int_equal(find(symbols, names[i], strlen(names[i]), 'Z'), i);
    }
    free(symbols);
}

static void what_is_no_name_is_not_found(void **state) {
    (void)state;
    struct symbol_names *symbols = symbol_names_full();
    for (uint32_t i = 0; i < SYMBOL_NAMES_MAX; i++) {
        size_t size = strlen(names[i]);
        char other[SYMBOL_NAME_SIZE];
        assert_int_equal(find(symbols, names[i], size - 1, names[i][size - 1]), -1);
        memcpy(other, names[i], sizeof other);
        other[i % size] = '_';
        assert_int_equal(find(symbols, other, size, '"'), -1);
        /* A zero byte does not end a name that came from outside. */
        if (size + 1 < SYMBOL_NAME_SIZE) assert_int_equal(find(symbols, names[i], size + 1, 'x'), -1);
    }
    assert_int_equal(find(symbols, "", 0, 'x'), -1);
    assert_int_equal(find(symbols, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", 32, 'x'), -1);
    free(symbols);
}

static void names_that_cannot_be_told_apart_are_refused(void **state) {
    (void)state;
    struct symbol_names *symbols = symbol_names_full();
    assert_int_equal(symbol_names_add(symbols, "ONEMOREUSDT", 7), ERROR_FULL);
    symbols->count--; /* makes room, so that only the name is to blame */
    assert_int_equal(symbol_names_add(symbols, names[0], 7), ERROR_BAD);
    assert_int_equal(symbol_names_add(symbols, "", 7), ERROR_BAD);
    assert_int_equal(symbol_names_add(symbols, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", 7), ERROR_BAD);
    free(symbols);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_found_whatever_follows_it),
        cmocka_unit_test(what_is_no_name_is_not_found),
        cmocka_unit_test(names_that_cannot_be_told_apart_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
