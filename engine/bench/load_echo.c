/* The floor: a raw TCP echo on the same two processors, spinning on both sides. 150 bytes go out on one connection and
 * come back at once, on one connection (as one order would) or on two (as both legs do). No framing, no decoding, no
 * decision: what the kernel costs, and nothing else. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/error.h"
#include "load.h"

#define TICK_SIZE  150
#define ORDER_SIZE 400
#define SOCKETS    3 /* one for ticks, two for what comes back */
#define ECHO_NS    1000000000

static void cpu_pin(int cpu) {
    cpu_set_t set;
    if (cpu < 0) return;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

static ssize_t spin(int fd, uint8_t *data, size_t cap, int64_t deadline) {
    for (;;) {
        ssize_t got = recv(fd, data, cap, MSG_DONTWAIT);
        if (got >= 0 || errno != EAGAIN) return got;
        if (deadline != 0 && bench_mono_ns() > deadline) return -1;
    }
}

/* The other side: first byte 1: answers on one connection, 2: on two. */
static void echo(const int fd[SOCKETS]) {
    uint8_t data[ORDER_SIZE] = {0};
    for (;;) {
        ssize_t got = spin(fd[0], data, TICK_SIZE, 0);
        if (got <= 0) return;
        (void)!send(fd[1], data, ORDER_SIZE, MSG_NOSIGNAL);
        if (data[0] == 2) (void)!send(fd[2], data, ORDER_SIZE, MSG_NOSIGNAL);
    }
}

static int connect_pair(int ends[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ends[1] = -1;
    if (listener >= 0 && ends[0] >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(listener, 1) == 0 && getsockname(listener, (struct sockaddr *)&address, &size) == 0 &&
        connect(ends[0], (struct sockaddr *)&address, sizeof address) == 0)
        ends[1] = accept(listener, NULL, NULL);
    if (listener >= 0) close(listener);
    for (int i = 0; i < 2 && ends[1] >= 0; i++)
        if (setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0) return ERROR_SYSTEM;
    return ends[1] >= 0 ? 0 : ERROR_SYSTEM;
}

static int ping_pong(const int fd[SOCKETS], uint8_t answers, uint32_t count, uint32_t pause_us, int64_t end_ns,
                     struct samples *samples) {
    uint8_t tick[TICK_SIZE] = {answers}, data[ORDER_SIZE];
    for (uint32_t i = 0; i < count + count / 10 && bench_mono_ns() < end_ns; i++) {
        int64_t pause_end = bench_mono_ns() + (int64_t)pause_us * 1000;
        while (bench_mono_ns() < pause_end)
            continue;
        int64_t begin = tsc_now(), deadline = pause_end + ECHO_NS;
        if (send(fd[0], tick, sizeof tick, MSG_NOSIGNAL) != TICK_SIZE) return ERROR_CLOSED;
        for (uint8_t answer = 1; answer <= answers; answer++)
            for (ssize_t size = 0, got; size < ORDER_SIZE; size += got)
                if ((got = spin(fd[answer], data, sizeof data, deadline)) <= 0) return ERROR_TIMEOUT;
        if (i >= count / 10) samples_add(samples, tsc_now() - begin);
    }
    return 0;
}

int load_echo(struct load *load, uint32_t count, uint32_t pause_us, uint32_t limit_ms, FILE *out) {
    int ends[SOCKETS][2], ours[SOCKETS], theirs[SOCKETS], code = 0;
    for (int i = 0; i < SOCKETS && code == 0; i++) {
        code = connect_pair(ends[i]);
        ours[i] = ends[i][0];
        theirs[i] = ends[i][1];
    }
    if (code != 0) return code;
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        cpu_pin(load->engine_cpu);
        for (int i = 0; i < SOCKETS; i++)
            close(ours[i]);
        echo(theirs);
        _exit(0);
    }
    struct samples one, two;
    if (child < 0 || samples_init(&one, count) != 0 || samples_init(&two, count) != 0) return ERROR_SYSTEM;
    int64_t half_ns = (int64_t)limit_ms * 500000;
    code = ping_pong(ours, 1, count, pause_us, bench_mono_ns() + half_ns, &one);
    if (code == 0) code = ping_pong(ours, 2, count, pause_us, bench_mono_ns() + half_ns, &two);
    double us = load->ticks_per_ns * 1000.0;
    samples_print(out, "tcp_echo_us", &one, us, "us");
    fputc(',', out);
    samples_print(out, "tcp_echo_two_us", &two, us, "us");
    for (int i = 0; i < SOCKETS; i++) {
        close(ours[i]);
        close(theirs[i]);
    }
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    samples_free(&one);
    samples_free(&two);
    return code;
}
