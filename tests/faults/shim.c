/* Stands between a process and its disk: fails chosen writes and syncs of chosen files, as a shared control file says at the moment.
 * Preloaded (LD_PRELOAD). FAULTS_CONTROL names the control file: nine 64-bit words, see shim.rs. FAULTS_FILE is what a file's path
 * must contain. Files of shared memory (-shm) are left alone: they are no storage. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KIND, CALLS, FILES, FROM, UNTIL, SEEN, FIRED, WORDS = 9 };
enum { NONE, NO_SPACE, IO_ERROR, SHORT, SHORT_THEN_NO_SPACE };
enum { WRITES = 1, SYNCS = 2 };
enum { ANY = 0, MAIN_ONLY = 1 };
enum { PASS, FAIL, CUT };

static volatile uint64_t *control;
static const char *part;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_CONTROL");
    part = getenv("FAULTS_FILE");
    int fd = path && part ? open(path, O_RDWR) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, WORDS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        static const char said[] = "shim: no control file\n";
        syscall(SYS_write, 2, said, sizeof said - 1);
        _exit(99);
    }
    syscall(SYS_close, fd);
    control = at;
}

static int ends_with(const char *text, const char *end) {
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static int is_chosen(int fd) {
    char link[32], path[PATH_MAX];
    struct stat what;
    if (fstat(fd, &what) != 0 || !S_ISREG(what.st_mode)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (!strstr(path, part) || ends_with(path, "-shm")) return 0;
    return control[FILES] == ANY || !ends_with(path, "-wal");
}

/* What is to become of this call. */
static int verdict(int fd, int call) {
    if (!control || control[KIND] == NONE || !(control[CALLS] & call)) return PASS;
    int before = errno, chosen = is_chosen(fd);
    errno = before;
    if (!chosen) return PASS;
    uint64_t nth = __atomic_add_fetch(&control[SEEN], 1, __ATOMIC_SEQ_CST);
    uint64_t kind = control[KIND];
    if (nth < control[FROM] || nth >= control[UNTIL]) return PASS;
    __atomic_add_fetch(&control[FIRED], 1, __ATOMIC_SEQ_CST);
    if (kind == SHORT || (kind == SHORT_THEN_NO_SPACE && nth == control[FROM])) return CUT;
    errno = kind == IO_ERROR ? EIO : ENOSPC;
    return FAIL;
}

static size_t half(size_t count) { return count > 1 ? count / 2 : count; }

ssize_t write(int fd, const void *bytes, size_t count) {
    switch (verdict(fd, WRITES)) {
    case FAIL: return -1;
    case CUT: count = half(count);
    }
    return syscall(SYS_write, fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    switch (verdict(fd, WRITES)) {
    case FAIL: return -1;
    case CUT: count = half(count);
    }
    return syscall(SYS_pwrite64, fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    switch (verdict(fd, WRITES)) {
    case FAIL: return -1;
    case CUT: if (count > 0) return syscall(SYS_write, fd, parts[0].iov_base, half(parts[0].iov_len));
    }
    return syscall(SYS_writev, fd, parts, count);
}

/* Only a failing disk refuses it: to cut a file off takes no room. */
int ftruncate64(int fd, off64_t length) {
    if (control && control[KIND] == IO_ERROR && verdict(fd, WRITES) == FAIL) return -1;
    return (int)syscall(SYS_ftruncate, fd, length);
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fsync(int fd) {
    if (verdict(fd, SYNCS) == FAIL) return -1;
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    if (verdict(fd, SYNCS) == FAIL) return -1;
    return (int)syscall(SYS_fdatasync, fd);
}
