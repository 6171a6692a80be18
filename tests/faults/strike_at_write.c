/* Strikes at one write to a database's files, counted from the start of the process.
 *
 * Preloaded before the C library. STRIKE_AT says which write, STRIKE_HOW what happens there: `before`
 * and `after` end the process as kill -9 does, `fail` answers that the disk is full. A file named by
 * STRIKE_MARK says that it happened. Writes, syncs and truncations count; files other than the
 * database and its journals do not.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long seen;

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static int is_of_database(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return ends_with(path, ".db") || ends_with(path, ".db-wal") || ends_with(path, ".db-journal");
}

static void end_process(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Whether this write is the one. The environment is read each time: there are few such writes. */
static const char *strike(int file) {
    const char *at = getenv("STRIKE_AT");
    if (at == NULL || !is_of_database(file)) return NULL;
    if (atomic_fetch_add(&seen, 1) + 1 != atol(at)) return NULL;
    const char *mark = getenv("STRIKE_MARK");
    if (mark != NULL) close(open(mark, O_CREAT | O_WRONLY, 0600));
    return getenv("STRIKE_HOW");
}

#define STRUCK(result, name, parameters, arguments)                  \
    result name parameters {                                         \
        static result(*real) parameters;                             \
        if (real == NULL) real = (result(*) parameters)dlsym(RTLD_NEXT, #name); \
        const char *how = strike(file);                              \
        if (how == NULL) return real arguments;                      \
        if (strcmp(how, "fail") == 0) {                              \
            errno = ENOSPC;                                          \
            return -1;                                               \
        }                                                            \
        if (strcmp(how, "after") == 0) (void)real arguments;         \
        end_process();                                               \
        return -1;                                                   \
    }

STRUCK(ssize_t, write, (int file, const void *bytes, size_t count), (file, bytes, count))
STRUCK(ssize_t, pwrite, (int file, const void *bytes, size_t count, off_t at),
       (file, bytes, count, at))
STRUCK(ssize_t, pwrite64, (int file, const void *bytes, size_t count, off64_t at),
       (file, bytes, count, at))
STRUCK(int, fsync, (int file), (file))
STRUCK(int, fdatasync, (int file), (file))
STRUCK(int, ftruncate, (int file, off_t length), (file, length))
STRUCK(int, ftruncate64, (int file, off64_t length), (file, length))
