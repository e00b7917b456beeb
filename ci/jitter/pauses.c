// Pauses threads at random places: for up to 3 ms in one of 400 allocations, one of 30 waits and wake-ups of a lock and one of 10 reads
// and writes, and for up to 20 ms where a thread starts. So a test meets orders of events that a quiet machine shows once in thousands of
// runs. Built and preloaded by ci/jitter.sh; for glibc on x86-64 Linux.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREAD_LOCAL static __thread __attribute__((tls_model("initial-exec")))
THREAD_LOCAL uint32_t state;

// A system call without libc's function, which is replaced below.
static long call(long number, long a, long b, long c, long d, long e, long f) {
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    long result;
    asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return result;
}

// xorshift, seeded by thread and time.
static uint32_t random_number(void) {
    if (!state) {
        struct timespec now;
        call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0, 0, 0);
        state = ((uint32_t)now.tv_nsec * 2654435761u ^ (uint32_t)call(SYS_gettid, 0, 0, 0, 0, 0, 0) * 40503u) | 1;
    }
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void pause_for(uint32_t microseconds) {
    struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
    call(SYS_nanosleep, (long)&time, 0, 0, 0, 0, 0);
}

// In one of `one_in` calls, gives up the processor or sleeps.
static void maybe(uint32_t one_in, uint32_t microseconds) {
    if (random_number() % one_in) return;
    if (random_number() & 1) call(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
    else pause_for(1 + random_number() % microseconds);
}

void *__libc_malloc(size_t size);
void *malloc(size_t size) {
    maybe(400, 3000);
    return __libc_malloc(size);
}

// Locks of std and parking_lot call it for futexes.
long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    if (number == SYS_futex) maybe(30, 3000);
    long result = call(number, a, b, c, d, e, f);
    if (number == SYS_futex) maybe(30, 3000);
    if (result >= 0 || result < -4095) return result;
    errno = (int)-result;
    return -1;
}

int sched_yield(void) {
    maybe(50, 2000);
    return (int)call(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}

typedef struct {
    void *(*body)(void *);
    void *argument;
} Thread;

static void *late(void *given) {
    Thread thread = *(Thread *)given;
    free(given);
    if (random_number() & 1) pause_for(random_number() % 20000);
    return thread.body(thread.argument);
}

int pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
    int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    Thread *thread = __libc_malloc(sizeof *thread);
    if (!thread) return EAGAIN;
    *thread = (Thread){body, argument};
    int result = next(id, attributes, late, thread);
    if (result) free(thread);
    return result;
}

ssize_t read(int file, void *buffer, size_t length) {
    ssize_t (*next)(int, void *, size_t) = dlsym(RTLD_NEXT, "read");
    ssize_t result = next(file, buffer, length);
    int error = errno;
    maybe(10, 5000);
    errno = error;
    return result;
}

ssize_t write(int file, const void *buffer, size_t length) {
    ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    maybe(10, 5000);
    return next(file, buffer, length);
}
