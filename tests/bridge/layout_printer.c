/* Prints what the C compiler thinks of the structs named on the lines of FIELDS, for comparison with cffi's reading. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "abi.h"
#include "journal.h"

#define SIZE(name) printf("%s %zu\n", #name, sizeof(struct name));
#define FIELD(name, field)                                                                                         \
    printf("%s.%s %zu %zu\n", #name, #field, offsetof(struct name, field), sizeof(((struct name *)0)->field));

int main(void) {
#include "fields.inc"
    return 0;
}
