/* Library that is preloaded into a command and disturbs calls of the C library: they fail, kill the process, hide new
 * files for a while, or return a wrong time.
 *
 *   DRILL_BELOW  only paths below this folder are disturbed
 *   DRILL_WHO    only processes whose command line contains this text; unset: all processes
 *   DRILL_RULE   CALL,TEXT,NTH,TIMES,EFFECT: applies EFFECT to TIMES calls from the NTH one. CALL is open, read, write,
 *                fsync or rename, on a path that contains TEXT. EFFECT is an errno with which the call fails, `kill`
 *                (the process dies before the call), `killed` (the process dies after the call, or after half of a
 *                write) or `lost` (the call is done but returns ENOENT)
 *   DRILL_LATE   milliseconds for which a renamed file stays invisible
 *   DRILL_CLOCK  file with one 64-bit integer, the error of the wall clock in seconds; it may change at any time
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { KILL = -1, KILLED = -2, LOST = -3 };

static char rule_call[16], rule_text[256];
static long rule_nth, rule_times, late_ms;
static int rule_effect;
static const char *below;
static const volatile int64_t *clock_error_s;
static atomic_long n_calls;
static int is_target;

static int command_line_contains(const char *text) {
    char line[4096];
    int file = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY);
    long size = syscall(SYS_read, file, line, sizeof line - 1);
    syscall(SYS_close, file);
    if (size <= 0) return 0;
    for (long place = 0; place < size; place++) if (!line[place]) line[place] = ' ';
    line[size] = 0;
    return strstr(line, text) != NULL;
}

__attribute__((constructor)) static void configure(void) {
    const char *who = getenv("DRILL_WHO"), *rule = getenv("DRILL_RULE"), *clock = getenv("DRILL_CLOCK");
    char effect[16] = "";
    below = getenv("DRILL_BELOW");
    is_target = below && (!who || command_line_contains(who));
    late_ms = getenv("DRILL_LATE") ? atol(getenv("DRILL_LATE")) : 0;
    if (rule && sscanf(rule, "%15[^,],%255[^,],%ld,%ld,%15s", rule_call, rule_text, &rule_nth, &rule_times, effect) == 5)
        rule_effect = !strcmp(effect, "kill") ? KILL : !strcmp(effect, "killed") ? KILLED : !strcmp(effect, "lost") ? LOST : atoi(effect);
    if (clock) {
        int file = syscall(SYS_openat, AT_FDCWD, clock, O_RDONLY);
        void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
        if (mapped != MAP_FAILED) clock_error_s = mapped;
        syscall(SYS_close, file);
    }
}

static int is_below(const char *path) {
    return is_target && path && !strncmp(path, below, strlen(below));
}

/* Returns the effect on this call: 0 for none, an errno, or one of the constants above. */
static int effect_on(const char *call, const char *path) {
    if (!rule_effect || strcmp(call, rule_call) || !is_below(path) || !strstr(path, rule_text)) return 0;
    long number = atomic_fetch_add(&n_calls, 1) + 1;
    if (number < rule_nth || number >= rule_nth + rule_times) return 0;
    if (rule_effect == KILL) kill(getpid(), SIGKILL);
    return rule_effect;
}

static int effect_on_file(const char *call, int file) {
    char link[64], path[PATH_MAX];
    if (!rule_effect || strcmp(call, rule_call)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    long size = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    path[size > 0 ? size : 0] = 0;
    return effect_on(call, path);
}

#define REAL(name, type, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)
#define RETURN_ERROR(cause) do { int why = (cause); if (why > 0) { errno = why; return -1; } } while (0)

static int is_late(const char *path) {
    struct stat state;
    struct timespec now;
    if (!late_ms || !is_below(path) || syscall(SYS_newfstatat, AT_FDCWD, path, &state, 0)) return 0;
    if (!S_ISREG(state.st_mode) || !strstr(path, ".parquet")) return 0;
    syscall(SYS_clock_gettime, (long)CLOCK_REALTIME, &now);
    if (clock_error_s) now.tv_sec -= *clock_error_s;
    long age_ms = (now.tv_sec - state.st_ctim.tv_sec) * 1000 + (now.tv_nsec - state.st_ctim.tv_nsec) / 1000000;
    return age_ms < late_ms && state.st_nlink == 1;
}

#define DEFINE_OPEN(name) \
int name(const char *path, int flags, ...) { \
    REAL(#name, int, const char *, int, ...); \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
    if (!(flags & O_CREAT) && is_late(path)) { errno = ENOENT; return -1; } \
    RETURN_ERROR(effect_on("open", path)); \
    return real(path, flags, mode); \
}
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPEN_AT(name) \
int name(int folder, const char *path, int flags, ...) { \
    REAL(#name, int, int, const char *, int, ...); \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
    if (!(flags & O_CREAT) && is_late(path)) { errno = ENOENT; return -1; } \
    RETURN_ERROR(effect_on("open", path)); \
    return real(folder, path, flags, mode); \
}
DEFINE_OPEN_AT(openat)
DEFINE_OPEN_AT(openat64)

#define DEFINE_STAT(name, type) \
int name(const char *path, type *state) { \
    REAL(#name, int, const char *, type *); \
    if (is_late(path)) { errno = ENOENT; return -1; } \
    return real(path, state); \
}
DEFINE_STAT(stat, struct stat)
DEFINE_STAT(stat64, struct stat64)

#define DEFINE_STAT_AT(name, type) \
int name(int folder, const char *path, type *state, int flags) { \
    REAL(#name, int, int, const char *, type *, int); \
    if (is_late(path)) { errno = ENOENT; return -1; } \
    return real(folder, path, state, flags); \
}
DEFINE_STAT_AT(fstatat, struct stat)
DEFINE_STAT_AT(fstatat64, struct stat64)

ssize_t read(int file, void *data, size_t size) {
    REAL("read", ssize_t, int, void *, size_t);
    RETURN_ERROR(effect_on_file("read", file));
    return real(file, data, size);
}

#define DEFINE_READ_AT(name, place) \
ssize_t name(int file, void *data, size_t size, place at) { \
    REAL(#name, ssize_t, int, void *, size_t, place); \
    RETURN_ERROR(effect_on_file("read", file)); \
    return real(file, data, size, at); \
}
DEFINE_READ_AT(pread, off_t)
DEFINE_READ_AT(pread64, off64_t)

ssize_t write(int file, const void *data, size_t size) {
    REAL("write", ssize_t, int, const void *, size_t);
    int effect = effect_on_file("write", file);
    RETURN_ERROR(effect);
    if (effect == KILLED) { real(file, data, size / 2); kill(getpid(), SIGKILL); }
    return real(file, data, size);
}

int fsync(int file) {
    REAL("fsync", int, int);
    RETURN_ERROR(effect_on_file("fsync", file));
    return real(file);
}

int rename(const char *from, const char *to) {
    REAL("rename", int, const char *, const char *);
    int effect = effect_on("rename", to);
    RETURN_ERROR(effect);
    int answer = real(from, to);
    if (effect == KILLED) kill(getpid(), SIGKILL);
    if (effect == LOST) { errno = ENOENT; return -1; }
    return answer;
}

/* Also what asks the kernel: here the whole machine's clock is wrong, not that of one process. */
long syscall(long number, ...) {
    REAL("syscall", long, long, ...);
    va_list rest; va_start(rest, number); long a[6]; for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long); va_end(rest);
    long answer = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (!answer && number == SYS_clock_gettime && clock_error_s && a[0] == CLOCK_REALTIME)
        ((struct timespec *)a[1])->tv_sec += *clock_error_s;
    return answer;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    return syscall(SYS_clock_gettime, (long)clock, now);
}

time_t time(time_t *kept) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (kept) *kept = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
