/* Preloaded into an engine under test: counts what its hot thread allocates, locks and asks of the kernel.
 *
 * The test maps the same file as struct watch. Once it has set `go`, the hot thread's next send() puts a seccomp filter
 * on that thread alone: io_uring_enter and sendto, its sockets' own calls, pass; every other call is shown to a thread
 * of ours, which counts it and lets it go on. `probe` makes the next send() do what must be counted. What receiving
 * threads allocate and lock is counted from `go` on, and `probe` tried when one of them wakes the hot thread. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLS 1024

struct watch {
    _Atomic int32_t go;
    _Atomic int32_t probe;
    _Atomic int32_t installed; /* 1, or -errno */
    _Atomic int32_t sends;     /* of the watched thread since then */
    _Atomic uint64_t allocations;
    _Atomic uint64_t frees;
    _Atomic uint64_t locks;
    _Atomic uint64_t wakes;     /* write to an eventfd: wakes another thread of the engine */
    _Atomic uint64_t receivers; /* allocations, frees and locks of receiving threads */
    _Atomic uint64_t calls[CALLS];
};

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static struct watch *watch;
static _Atomic int listener = -1;
static __thread bool watched;
static __thread int receiving; /* 1: a receiving thread, -1: another, 0: not looked */
static atomic_bool receiver_probed;
static int (*real_lock)(pthread_mutex_t *);

static bool is_receiver(void) {
    if (watch == NULL || !watch->go) return false;
    if (receiving == 0) {
        char name[16] = "";
        prctl(PR_GET_NAME, name, 0, 0, 0);
        receiving = strncmp(name, "receive-", 8) == 0 ? 1 : -1;
    }
    return receiving > 0;
}

static void tally(_Atomic uint64_t *of_hot) {
    if (watched)
        ++*of_hot;
    else if (is_receiver())
        watch->receivers++;
}

static bool is_wake(const struct seccomp_notif *call) {
    char path[64], target[64] = "";
    if (call->data.nr != SYS_write) return false;
    snprintf(path, sizeof path, "/proc/self/fd/%d", (int)call->data.args[0]);
    return readlink(path, target, sizeof target - 1) > 0 && strstr(target, "eventfd") != NULL;
}

static void *listen_main(void *unused) {
    (void)unused;
    while (listener < 0)
        usleep(1000);
    for (;;) {
        struct seccomp_notif call;
        memset(&call, 0, sizeof call);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) continue;
        if (is_wake(&call))
            watch->wakes++;
        else if (call.data.nr >= 0 && call.data.nr < CALLS)
            watch->calls[call.data.nr]++;
        struct seccomp_notif_resp answer = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
        (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
    return NULL;
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("HOT_WATCH");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *memory = mmap(NULL, sizeof *watch, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED) return;
    *(void **)&real_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the engine's */
    if (pthread_create(&thread, NULL, listen_main, NULL) == 0) watch = memory;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static int install(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendto, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -errno;
    long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (fd < 0) return -errno;
    listener = (int)fd;
    return 1;
}

static void do_what_must_be_counted(void) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    void *volatile memory = malloc(100);
    free(memory);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    if (watched) (void)syscall(SYS_getppid);
}

ssize_t write(int fd, const void *data, size_t size) {
    if (!watched && is_receiver() && watch->probe != 0 && !atomic_exchange(&receiver_probed, true))
        do_what_must_be_counted();
    return syscall(SYS_write, fd, data, size);
}

ssize_t send(int fd, const void *data, size_t size, int flags) {
    if (watch != NULL && watch->go && !watched && watch->installed == 0) {
        char name[16] = "";
        prctl(PR_GET_NAME, name, 0, 0, 0);
        if (strcmp(name, "hot") == 0) {
            int result = install();
            watched = result == 1;
            watch->installed = result;
        }
    }
    if (watched) {
        watch->sends++;
        if (watch->probe == 1) {
            watch->probe = 2;
            do_what_must_be_counted();
        }
    }
    return sendto(fd, data, size, flags, NULL, 0);
}

int pthread_mutex_lock(pthread_mutex_t *mutex) {
    if (watch != NULL) tally(&watch->locks);
    if (real_lock == NULL) *(void **)&real_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    return real_lock(mutex);
}

void *malloc(size_t size) {
    if (watch != NULL) tally(&watch->allocations);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    if (watch != NULL) tally(&watch->allocations);
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    if (watch != NULL) tally(&watch->allocations);
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    if (watch != NULL) tally(&watch->allocations);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
    *out = memalign(alignment, size);
    return *out == NULL ? ENOMEM : 0;
}

void free(void *memory) {
    if (watch != NULL && memory != NULL) tally(&watch->frees);
    __libc_free(memory);
}
