/* The benchmark's exchanges and their clock: see load.h.
 *
 *   venue_load KINDS SYMBOLS CPU ENGINE_CPU [CERTIFICATE KEY]
 *
 * KINDS is a letter a venue, b (Binance) or m (MEXC): "bm". Prints {"ports":[..]} and then, for each command on
 * standard input, one line of JSON:
 *
 *   secret VENUE TEXT                    what orders of this venue are signed with
 *   wait MS                              until the engine has subscribed to every book at every venue
 *   quote MS                             keeps the books fresh for so long
 *   trade COUNT WARM_UP INTERVAL_US BACKGROUND_PER_S LIMIT_MS LEGS
 *   blast TENTHS_OF_A_SECOND FRAMES_PER_WRITE
 *   echo COUNT PAUSE_US LIMIT_MS         raw TCP on the same processors
 *   quit */
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../base/error.h"
#include "load.h"

#define LINE_SIZE 256

static int fail(const char *what) {
    fprintf(stderr, "venue_load: %s\n", what);
    return 1;
}

static SSL_CTX *tls_context(const char *certificate, const char *key) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        return NULL;
    return context;
}

static int load_start(struct load *load, int count, char **argument) {
    load->venue_count = (uint32_t)strlen(argument[1]);
    load->symbol_count = (uint32_t)strtoul(argument[2], NULL, 10);
    load->engine_cpu = atoi(argument[4]);
    if (load->venue_count == 0 || load->venue_count > LOAD_VENUE_MAX) return fail("1 to 8 venues");
    if (load->symbol_count == 0 || load->symbol_count > LOAD_SYMBOL_MAX) return fail("1 to 1024 symbols");
    for (uint32_t v = 0; v < load->venue_count; v++) {
        load->venue[v].kind = argument[1][v] == 'm' ? LOAD_MEXC : LOAD_BINANCE;
        load->venue[v].usdt_e8 = LOAD_USDT_E8;
        for (uint32_t s = 0; s < load->symbol_count; s++)
            load->venue[v].base_e8[s] = LOAD_BASE_E8;
    }
    if (count == 7 && (load->tls = tls_context(argument[5], argument[6])) == NULL)
        return fail("certificate or key cannot be used");
    int cpu = atoi(argument[3]);
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu >= 0) CPU_SET((unsigned)cpu, &set);
    if (cpu >= 0 && sched_setaffinity(0, sizeof set, &set) != 0) return fail("cannot be pinned to that processor");
    load->ticks_per_ns = tsc_per_ns();
    return load_listen(load) == 0 ? 0 : fail("cannot listen on loopback");
}

static int wait_subscribed(struct load *load, uint32_t ms, FILE *out) {
    int64_t deadline = bench_mono_ns() + (int64_t)ms * 1000000;
    while (!load_is_subscribed(load) && bench_mono_ns() < deadline)
        load_serve(load, 1);
    fprintf(out, "\"subscribed\":%s", load_is_subscribed(load) ? "true" : "false");
    return 0;
}

static int keep_quoting(struct load *load, uint32_t ms) {
    int64_t deadline = bench_mono_ns() + (int64_t)ms * 1000000;
    while (bench_mono_ns() < deadline) {
        load_serve(load, 1);
        load_refresh(load);
    }
    return 0;
}

/* One command; its figures go out between the braces. */
static int command(struct load *load, const char *line, FILE *out) {
    struct trade_plan plan;
    char secret[64];
    uint32_t a, b, c;
    if (sscanf(line, "secret %u %63s", &a, secret) == 2 && a < load->venue_count) {
        strcpy(load->key_secret[a], secret);
        return 0;
    }
    if (sscanf(line, "wait %u", &a) == 1) return wait_subscribed(load, a, out);
    if (sscanf(line, "quote %u", &a) == 1) return keep_quoting(load, a);
    if (sscanf(line, "echo %u %u %u", &a, &b, &c) == 3) return load_echo(load, a, b, c, out);
    if (sscanf(line, "blast %u %u", &a, &b) == 2) return load_blast(load, a, b, out);
    if (sscanf(line, "trade %u %u %u %u %u %u", &plan.count, &plan.warm_up, &plan.interval_us,
               &plan.background_per_s, &plan.limit_ms, &plan.legs) == 6)
        return plan.legs >= 1 && plan.legs <= LOAD_ORDERS_MAX ? load_trade(load, &plan, out) : ERROR_BAD;
    return ERROR_BAD;
}

static void answer(struct load *load, const char *line) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) exit(fail("no memory"));
    int code = command(load, line, out);
    fclose(out);
    printf("{\"code\":%d%s%s}\n", code, size > 0 ? "," : "", text);
    fflush(stdout);
    free(text);
}

/* Whole lines from standard input; false at its end. */
static bool read_commands(struct load *load) {
    static char line[LINE_SIZE];
    static size_t size;
    ssize_t got = read(STDIN_FILENO, line + size, sizeof line - 1 - size);
    if (got <= 0) return false;
    size += (size_t)got;
    line[size] = '\0';
    for (char *end; (end = strchr(line, '\n')) != NULL;) {
        *end = '\0';
        if (strcmp(line, "quit") == 0) return false;
        answer(load, line);
        size -= (size_t)(end + 1 - line);
        memmove(line, end + 1, size + 1);
    }
    return size < sizeof line - 1;
}

int main(int count, char **argument) {
    struct load *load = calloc(1, sizeof *load);
    if (count != 5 && count != 7) return fail("usage: venue_load KINDS SYMBOLS CPU ENGINE_CPU [CERTIFICATE KEY]");
    if (load == NULL) return fail("no memory");
    if (load_start(load, count, argument) != 0) return 1;
    printf("{\"ports\":[");
    for (uint32_t v = 0; v < load->venue_count; v++)
        printf("%s%u", v > 0 ? "," : "", load->venue[v].port);
    printf("],\"lost_pct\":%.2f}\n", tsc_lost_pct());
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = UINT64_MAX};
    if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0)
        return fail("standard input has to be a pipe");
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        load_serve(load, 5);
        load_refresh(load);
        if (poll(&input, 1, 0) > 0 && !read_commands(load)) return 0;
    }
}
