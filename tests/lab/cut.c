/* Runs a program and kills it right before one of its calls that change something.
 *
 *     cut LOG [KEY NUMBER] -- PROGRAM ARGUMENT…
 *
 * Every thread of the program is watched, none of the programs that it starts. Each call that changes
 * a file, a device, a mount, a process or what another machine knows is a line of LOG, its key: the
 * call and what it is made on, without what is random in names. With KEY and NUMBER, the NUMBER-th
 * call of that key is not made: SIGKILL comes in its place. The last line of LOG tells how the program
 * ended: `= exit 0` or `= signal 9`, and above it `! KEY` if it was this program that killed it.
 *
 * An injection by strace counts each thread's calls for itself, and follows either no thread but the
 * first or every child too; hence this.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAME = 4096, THREADS = 4096 };
/* What is done with the first arguments of a call, to tell what it is made on. */
enum kind { FD, PATH, AT_PATH, PATHS, AT_PATHS, OPEN, WRITE, CONNECT, CLONE, CLONE3, IOCTL, BARE };

static const struct { long number; const char *name; enum kind kind; } CALLS[] = {
#define CALL(name, kind) {SYS_##name, #name, kind}
    CALL(mkdirat, AT_PATH), CALL(unlinkat, AT_PATH), CALL(fchmodat, AT_PATH), CALL(fchownat, AT_PATH),
    CALL(utimensat, AT_PATH), CALL(mknodat, AT_PATH), CALL(renameat, AT_PATHS), CALL(renameat2, AT_PATHS),
    CALL(linkat, AT_PATHS), CALL(openat, OPEN), CALL(truncate, PATH), CALL(ftruncate, FD),
    CALL(fallocate, FD), CALL(fsync, FD), CALL(fdatasync, FD), CALL(syncfs, FD), CALL(fchmod, FD),
    CALL(fchown, FD), CALL(flock, FD), CALL(write, WRITE), CALL(writev, WRITE), CALL(pwrite64, WRITE),
    CALL(pwritev, WRITE), CALL(sendto, WRITE), CALL(sendmsg, WRITE), CALL(sendmmsg, WRITE),
    CALL(copy_file_range, BARE), CALL(sendfile, FD), CALL(connect, CONNECT), CALL(clone, CLONE),
    CALL(clone3, CLONE3), CALL(ioctl, IOCTL), CALL(kill, BARE), CALL(mount, PATHS), CALL(umount2, PATH),
    CALL(sync, BARE), CALL(setxattr, PATH), CALL(fsetxattr, FD), CALL(symlinkat, BARE),
#ifdef __x86_64__
    CALL(mkdir, PATH), CALL(rmdir, PATH), CALL(unlink, PATH), CALL(chmod, PATH), CALL(chown, PATH),
    CALL(rename, PATHS), CALL(link, PATHS), CALL(symlink, PATHS), CALL(fork, BARE), CALL(vfork, BARE),
    CALL(creat, PATH),
#endif
};

static FILE *log_file;

static void die(const char *what)
{
    perror(what);
    exit(125);
}

static int read_memory(pid_t thread, unsigned long from, void *to, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", thread);
    int memory = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = memory < 0 ? -1 : pread(memory, to, size, (off_t)from);
    if (memory >= 0)
        close(memory);
    return (int)got;
}

static void text_at(pid_t thread, unsigned long from, char *text)
{
    int got = read_memory(thread, from, text, NAME - 1);
    text[got < 0 ? 0 : got] = 0;
}

static void name_of(pid_t thread, unsigned long descriptor, char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", thread, (int)descriptor);
    ssize_t got = readlink(path, name, NAME - 1);
    name[got < 0 ? 0 : got] = 0;
}

/* Long numbers of any base are times and identities: no two runs have the same. */
static void without_numbers(char *text)
{
    char *to = text;
    for (char *from = text; *from;) {
        size_t run = strspn(from, "0123456789abcdef");
        if (run >= 6 && strcspn(from, "0123456789") < run) {
            *to++ = '*';
            from += run;
            continue;
        }
        for (size_t n = run ? run : 1; n; n--)
            *to++ = *from == '\n' ? ' ' : *from, from++;
    }
    *to = 0;
}

static int is_file(const char *name)
{
    return name[0] == '/' && strncmp(name, "/dev/null", 9) && strncmp(name, "/dev/pts", 8);
}

static int peer(pid_t thread, unsigned long address, char *name)
{
    union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; } to = {0};
    if (read_memory(thread, address, &to, sizeof to) < (int)sizeof to.v4)
        return 0;
    int port = to.any.sa_family == AF_INET ? to.v4.sin_port : to.any.sa_family == AF_INET6 ? to.v6.sin6_port : 0;
    snprintf(name, NAME, "port %d", ntohs(port));
    return to.any.sa_family == AF_INET || to.any.sa_family == AF_INET6;
}

/* Whether this call changes something; and on what. */
static int describe(pid_t thread, enum kind kind, const __uint64_t *args, char *what)
{
    static char one[NAME], other[NAME];
    unsigned long flags = 0;
    what[0] = 0;
    switch (kind) {
    case BARE:
        return 1;
    case FD:
        name_of(thread, args[0], what);
        return is_file(what);
    case WRITE:
        name_of(thread, args[0], what);
        return args[0] > 2 && (is_file(what) || !strncmp(what, "socket:", 7));
    case PATH:
        text_at(thread, args[0], what);
        return 1;
    case AT_PATH:
        text_at(thread, args[1], one);
        name_of(thread, args[0], other);
        snprintf(what, 2 * NAME, "%s%s%s", one[0] == '/' ? "" : other, one[0] == '/' ? "" : "/", one);
        return 1;
    case PATHS:
    case AT_PATHS:
        text_at(thread, args[kind == AT_PATHS], one);
        text_at(thread, args[kind == AT_PATHS ? 3 : 1], other);
        snprintf(what, 2 * NAME, "%s -> %s", one, other);
        return 1;
    case OPEN:
        text_at(thread, args[1], what);
        return (args[2] & (O_CREAT | O_TRUNC) || (args[2] & O_ACCMODE) != O_RDONLY) && is_file(what);
    case CONNECT:
        return peer(thread, args[1], what);
    case CLONE:
        return !(args[0] & CLONE_THREAD);
    case CLONE3:
        read_memory(thread, args[0], &flags, sizeof flags);
        return !(flags & CLONE_THREAD);
    case IOCTL:
        name_of(thread, args[0], one);
        snprintf(what, 2 * NAME, "%#x %s", (unsigned)args[1], one);
        return !strncmp(one, "/dev/nvme", 9);
    }
    return 0;
}

/* The key of the call that this thread is about to make; 0 if it changes nothing. */
static int key_of(pid_t thread, char *key)
{
    static char what[2 * NAME];
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) < 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return 0;
    for (size_t n = 0; n < sizeof CALLS / sizeof *CALLS; n++) {
        if (CALLS[n].number != (long)info.entry.nr)
            continue;
        if (!describe(thread, CALLS[n].kind, info.entry.args, what))
            return 0;
        if (!strncmp(what, "socket:", 7))
            what[6] = 0;
        without_numbers(what);
        snprintf(key, 2 * NAME + 64, "%s %s", CALLS[n].name, what);
        return 1;
    }
    return 0;
}

static int is_new(pid_t thread)
{
    static pid_t known[THREADS];
    for (int n = 0; n < THREADS; n++) {
        if (known[n] == thread)
            return 0;
        if (!known[n]) {
            known[n] = thread;
            return 1;
        }
    }
    return 0;
}

static void ended(int status)
{
    if (WIFEXITED(status))
        fprintf(log_file, "= exit %d\n", WEXITSTATUS(status));
    else
        fprintf(log_file, "= signal %d\n", WTERMSIG(status));
    fclose(log_file);
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void watch(pid_t program, const char *wanted, long number)
{
    static char key[2 * NAME + 64];
    int status;
    for (;;) {
        pid_t thread = waitpid(-1, &status, __WALL);
        if (thread < 0)
            die("waitpid");
        if (!WIFSTOPPED(status)) {
            if (thread == program)
                ended(status);
            continue;
        }
        int first = is_new(thread), stop = WSTOPSIG(status), deliver = 0;
        if (stop == (SIGTRAP | 0x80)) {
            if (key_of(thread, key)) {
                fprintf(log_file, "%s\n", key);
                if (wanted && !strcmp(key, wanted) && --number == 0) {
                    fprintf(log_file, "! %s\n", key);
                    kill(program, SIGKILL);
                    continue;
                }
            }
        } else if (status >> 16 == 0 && !(first && stop == SIGSTOP)) {
            deliver = stop;
        }
        ptrace(PTRACE_SYSCALL, thread, 0, deliver);
    }
}

int main(int count, char **arguments)
{
    int own = count > 2 && !strcmp(arguments[2], "--") ? 3 : 5;
    if (count <= own || strcmp(arguments[own - 1], "--")) {
        fputs("usage: cut LOG [KEY NUMBER] -- PROGRAM ARGUMENT...\n", stderr);
        return 125;
    }
    log_file = fopen(arguments[1], "we");
    if (!log_file)
        die(arguments[1]);
    pid_t program = fork();
    if (program == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execv(arguments[own], arguments + own);
        die(arguments[own]);
    }
    int status;
    if (waitpid(program, &status, 0) < 0 || !WIFSTOPPED(status))
        die("the program does not start");
    is_new(program);
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, program, 0, options) < 0)
        die("PTRACE_SETOPTIONS");
    ptrace(PTRACE_SYSCALL, program, 0, 0);
    watch(program, own == 5 ? arguments[2] : NULL, own == 5 ? atol(arguments[3]) : 0);
}
