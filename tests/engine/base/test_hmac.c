/* Protects signatures: a wrong one is an order refused, a slow one is a gap missed. The processor's SHA instructions
 * must agree with OpenSSL on every length, and must never meet dirty AVX registers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/hmac.h"
#include "base/sha256.h"

#define MESSAGE_SIZE_MAX 400

static void sign(const void *secret, size_t secret_size, const void *data, size_t size, char hex[65]) {
    struct hmac_key key;
    struct hmac_prefix none;
    hmac_key_make(&key, secret, secret_size);
    hmac_prefix_make(&none, &key, NULL, 0);
    hmac_sign_hex(&key, &none, data, size, hex);
    hex[HMAC_HEX_SIZE] = '\0';
}

static void openssl_sign(const void *secret, size_t secret_size, const void *data, size_t size, char hex[65]) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_size;
    assert_non_null(HMAC(EVP_sha256(), secret, (int)secret_size, data, size, digest, &digest_size));
    hash_hex(digest, digest_size, hex);
}

static void fill(uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)rand();
}

struct vector {
    uint8_t key_byte, data_byte; /* repeated; 0: the text */
    size_t key_size, data_size;
    const char *key, *data;
    const char *hex;
};

/* RFC 4231. Its case 5 is a truncated answer and says nothing more. */
static const struct vector vectors[] = {
    {0x0b, 0, 20, 8, NULL, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {0, 0, 4, 28, "Jefe", "what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {0xaa, 0xdd, 20, 50, NULL, NULL, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {0, 0xcd, 25, 50,
     "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19", NULL,
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    {0xaa, 0, 131, 54, NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {0xaa, 0, 131, 152, NULL,
     "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
     "hashed before being used by the HMAC algorithm.",
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
};

static void test_signatures_are_the_published_ones(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct vector *vector = &vectors[i];
        uint8_t key[131], data[152];
        char hex[65];
        memset(key, vector->key_byte, sizeof key);
        memset(data, vector->data_byte, sizeof data);
        if (vector->key != NULL) memcpy(key, vector->key, vector->key_size);
        if (vector->data != NULL) memcpy(data, vector->data, vector->data_size);
        sign(key, vector->key_size, data, vector->data_size, hex);
        assert_string_equal(hex, vector->hex);
    }
}

static void test_signatures_equal_openssl_for_every_length_and_every_prefix(void **state) {
    (void)state;
    uint8_t message[MESSAGE_SIZE_MAX], secret[150];
    char hex[65], expected[65];
    srand(1);
    for (size_t size = 0; size <= MESSAGE_SIZE_MAX; size++) {
        struct hmac_key key;
        size_t secret_size = (size_t)rand() % (sizeof secret + 1);
        fill(message, size);
        fill(secret, secret_size);
        openssl_sign(secret, secret_size, message, size, expected);
        hmac_key_make(&key, secret, secret_size);
        for (size_t at = 0; at <= size; at += 1 + (size_t)rand() % 40) {
            struct hmac_prefix prefix;
            hmac_prefix_make(&prefix, &key, message, at);
            assert_int_equal(prefix.size, at - at % 64);
            hmac_sign_hex(&key, &prefix, message, size, hex);
            hex[HMAC_HEX_SIZE] = '\0';
            assert_string_equal(hex, expected);
        }
    }
}

static void test_digests_equal_openssl_for_every_length(void **state) {
    (void)state;
    uint8_t message[MESSAGE_SIZE_MAX], digest[32], expected[32];
    char hex[65];
    srand(2);
    fill(message, sizeof message);
    for (size_t size = 0; size <= sizeof message; size++) {
        hash_sha256(message, size, digest);
        assert_int_equal(EVP_Digest(message, size, expected, NULL, EVP_sha256(), NULL), 1);
        assert_memory_equal(digest, expected, sizeof digest);
    }
    hash_sha256("abc", 3, digest);
    hash_hex(digest, sizeof digest, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_both_kernels_give_the_same_state_from_any_state(void **state) {
    (void)state;
    if (!sha256_ni_present()) {
        print_message("this processor has no SHA instructions: nothing to compare with OpenSSL's\n");
        assert_string_equal(sha256_kernel(), "openssl");
        skip();
    }
    assert_string_equal(sha256_kernel(), "sha-ni");
    srand(3);
    for (int round = 0; round < 5000; round++) {
        uint8_t data[3 * SHA256_BLOCK_SIZE];
        uint32_t start[8], by_ni[8], by_openssl[8];
        size_t count = (size_t)rand() % 4;
        fill(data, sizeof data);
        fill((uint8_t *)start, sizeof start);
        memcpy(by_ni, start, sizeof start);
        memcpy(by_openssl, start, sizeof start);
        sha256_blocks_ni(by_ni, data, count);
        sha256_blocks_openssl(by_openssl, data, count);
        assert_memory_equal(by_ni, by_openssl, sizeof by_ni);
    }
}

/* The machine code of one function of this program; "" without a disassembler. */
static char *disassembly(const char *function) {
    char command[200];
    size_t size = 0, cap = 1u << 20;
    char *text = calloc(1, cap);
    assert_non_null(text);
    snprintf(command, sizeof command,
             "objdump -d -M intel --no-show-raw-insn --disassemble=%s /proc/%d/exe 2>/dev/null", function,
             (int)getpid());
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    while (size + 1 < cap) {
        size_t got = fread(text + size, 1, cap - size - 1, pipe);
        if (got == 0) break;
        size += got;
    }
    pclose(pipe);
    return text;
}

static void test_sha_instructions_never_meet_dirty_avx_registers(void **state) {
    (void)state;
    char *kernel = disassembly("sha256_blocks_ni"), *entry = disassembly("sha256_blocks");
    bool readable = strstr(entry, "<sha256_blocks>:") != NULL && sha256_ni_present();
    if (readable) {
        assert_non_null(strstr(kernel, "sha256rnds2"));
        assert_null(strstr(kernel, "ymm"));
        assert_null(strstr(kernel, "zmm"));
        assert_null(strstr(kernel, "\tv")); /* every AVX instruction begins with v */
        const char *clear = strstr(entry, "vzeroupper");
        assert_non_null(clear);
        const char *call = strstr(clear, "sha256_blocks_ni");
        assert_non_null(call);
        assert_null(strstr(clear + 1, "\tv"));
    }
    free(kernel);
    free(entry);
    if (!readable) {
        print_message("needs objdump and a processor with SHA instructions\n");
        skip();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signatures_are_the_published_ones),
        cmocka_unit_test(test_signatures_equal_openssl_for_every_length_and_every_prefix),
        cmocka_unit_test(test_digests_equal_openssl_for_every_length),
        cmocka_unit_test(test_both_kernels_give_the_same_state_from_any_state),
        cmocka_unit_test(test_sha_instructions_never_meet_dirty_avx_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
