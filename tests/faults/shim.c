/* Preloaded into a server under test: makes the system calls of its database fail or kill the process, on command.
 *
 * FAULTS_SYSCALL=point:n  kills the process (SIGKILL) at the n-th system call of that kind:
 *   after_begin a transaction that writes has just begun: the log's write lock was taken
 *   before_commit  such a transaction is about to write its first page to the log, so all its rows were changed in memory
 *   torn_wal    half of a write to the write-ahead log has been done
 *   torn_db     half of a write to the database itself has been done, so within a checkpoint
 *   before_sync a sync of the write-ahead log is about to begin
 *   after_sync  a sync of the write-ahead log has just ended
 * FAULTS_FILE=path  while this file exists, every sync of a file of the database fails with EIO, as after a media error.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { OTHER, WAL, INDEX, DATABASE };

/* Where the file beside the log holds the lock of whoever writes: WAL_WRITE_LOCK in https://www.sqlite.org/walformat.html, section 2.3. */
#define WRITE_LOCK_BYTE 120

static atomic_long calls_left;
static atomic_int has_begun;

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), ending = strlen(end);
    return length >= ending && strcmp(text + length - ending, end) == 0;
}

static enum kind kind_of(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return OTHER;
    path[length] = 0;
    return ends_with(path, ".db-wal") ? WAL : ends_with(path, ".db-shm") ? INDEX : ends_with(path, ".db") ? DATABASE : OTHER;
}

/* Whether this call is the n-th at the point that FAULTS_SYSCALL names. */
static int is_due(const char *point) {
    const char *fault = getenv("FAULTS_SYSCALL");
    size_t length = strlen(point);
    if (!fault || strncmp(fault, point, length) != 0 || fault[length] != ':') return 0;
    return atomic_fetch_add(&calls_left, 1) + 1 == atol(fault + length + 1);
}

static void die(void) {
    raise(SIGKILL);
}

static int sync_file(int fd, const char *name) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    enum kind kind = kind_of(fd);
    const char *file = getenv("FAULTS_FILE");
    if ((kind == WAL || kind == DATABASE) && file && access(file, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    if (kind == WAL && is_due("before_sync")) die();
    int result = real(fd);
    if (kind == WAL && is_due("after_sync")) die();
    return result;
}

int fdatasync(int fd) {
    return sync_file(fd, "fdatasync");
}

int fsync(int fd) {
    return sync_file(fd, "fsync");
}

static int is_torn(int fd) {
    if (!getenv("FAULTS_SYSCALL")) return 0;
    enum kind kind = kind_of(fd);
    if (kind == WAL && atomic_exchange(&has_begun, 0) && is_due("before_commit")) die();
    return kind == WAL ? is_due("torn_wal") : kind == DATABASE && is_due("torn_db");
}

ssize_t write(int fd, const void *data, size_t count) {
    ssize_t (*real)(int, const void *, size_t) = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (is_torn(fd)) {
        real(fd, data, count / 2);
        die();
    }
    return real(fd, data, count);
}

static ssize_t write_at(int fd, const void *data, size_t count, off64_t offset, const char *name) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = (ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, name);
    if (is_torn(fd)) {
        real(fd, data, count / 2, offset);
        die();
    }
    return real(fd, data, count, offset);
}

ssize_t pwrite(int fd, const void *data, size_t count, off_t offset) {
    return write_at(fd, data, count, offset, "pwrite");
}

ssize_t pwrite64(int fd, const void *data, size_t count, off64_t offset) {
    return write_at(fd, data, count, offset, "pwrite64");
}

static int control(int fd, int command, void *argument, const char *name) {
    int (*real)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, name);
    int result = real(fd, command, argument);
    if (command == F_SETLK && result == 0 && getenv("FAULTS_SYSCALL")) {
        const struct flock *lock = argument;
        if (lock->l_type == F_WRLCK && lock->l_start == WRITE_LOCK_BYTE && lock->l_len == 1 && kind_of(fd) == INDEX) {
            atomic_store(&has_begun, 1);
            if (is_due("after_begin")) die();
        }
    }
    return result;
}

int fcntl(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return control(fd, command, argument, "fcntl");
}

int fcntl64(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return control(fd, command, argument, "fcntl64");
}
