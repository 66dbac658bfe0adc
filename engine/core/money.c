#include "money.h"

money divide_wide(money value, money divisor) {
#if defined(__x86_64__)
    /* 128 by 64 bits with a quotient of 64 is one instruction, which compilers do not emit. */
    if (value >= 0 && divisor == (int64_t)divisor && (int64_t)(value >> 64) < (int64_t)divisor) {
        uint64_t quotient, remainder;
        __asm__("divq %4"
                : "=a"(quotient), "=d"(remainder)
                : "a"((uint64_t)value), "d"((uint64_t)(value >> 64)), "r"((uint64_t)divisor)
                : "cc");
        return (money)quotient;
    }
#endif
    money quotient = value / divisor;
    return value - quotient * divisor < 0 ? quotient - 1 : quotient;
}
