/* The stand-in installer's `_conda`: a real program of this machine's kind, which unpacks and links.
 *
 *   _conda constructor --prefix P --extract-tarball < archive
 *   _conda constructor --prefix P --extract-conda-pkgs
 *   _conda install --offline --file F -yp P --no-rc
 *
 * It has the two habits of a PyInstaller program on which real installs break: its second half is
 * appended data that must be whole, and it maps a library out of TMPDIR before it does anything.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char PACKAGE_END[] = "VIVAPACK";
static char scratch[PATH_MAX];

static void drop_scratch(void)
{
    char library[PATH_MAX + 16];
    snprintf(library, sizeof library, "%s/libz.so.1", scratch);
    unlink(library);
    rmdir(scratch);
}

/* A cut-off file keeps its ELF part and loses what is appended: that is the state to be seen here. */
static void appended_data_is_whole(void)
{
    char end[sizeof PACKAGE_END - 1];
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (self < 0 || lseek(self, -(off_t)sizeof end, SEEK_END) < 0 ||
        read(self, end, sizeof end) != (ssize_t)sizeof end || memcmp(end, PACKAGE_END, sizeof end) != 0) {
        fprintf(stderr, "[PYI-%d:ERROR] Could not load PyInstaller's embedded PKG archive (stand-in)\n", getpid());
        exit(255);
    }
    close(self);
}

static const char *temporary_directory(void)
{
    const char *names[] = {"TMPDIR", "TEMP", "TMP"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = getenv(names[i]);
        if (path && access(path, W_OK | X_OK) == 0)
            return path;
    }
    return "/tmp";
}

static void library_maps_from_temporary_directory(void)
{
    char library[PATH_MAX + 16];
    snprintf(scratch, sizeof scratch, "%s/_MEIXXXXXX", temporary_directory());
    if (!mkdtemp(scratch)) {
        fprintf(stderr, "[PYI-%d:ERROR] Could not create temporary directory! (stand-in)\n", getpid());
        exit(255);
    }
    atexit(drop_scratch);
    snprintf(library, sizeof library, "%s/libz.so.1", scratch);
    int file = open(library, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    if (file < 0 || ftruncate(file, 4096) != 0) {
        fprintf(stderr, "[PYI-%d:ERROR] Failed to extract libz.so.1: %s (stand-in)\n", getpid(), strerror(errno));
        exit(255);
    }
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED) {
        fprintf(stderr,
                "_conda: error while loading shared libraries: libz.so.1: failed to map segment from shared object\n");
        exit(127);
    }
    close(file);
}

static int run(char *const arguments[])
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        execvp(arguments[0], arguments);
        fprintf(stderr, "_conda: %s: %s\n", arguments[0], strerror(errno));
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void unreadable(const char *what)
{
    fprintf(stderr, "Traceback (most recent call last):\n  (stand-in)\nOSError: Invalid data stream: %s\n", what);
    exit(1);
}

/* Runs as any user; neither owner nor mode of the archive's maker is wanted, and umask is. */
static void unpack(const char *archive, const char *directory, int compressed)
{
    char *arguments[] = {"tar", compressed ? "-xjf" : "-xf", (char *)archive, "-C", (char *)directory,
                         "--no-same-owner", "--no-same-permissions", NULL};
    if (run(arguments) != 0)
        unreadable(archive);
}

static void unpack_standard_input(const char *prefix)
{
    char magic[3] = "";
    int compressed = pread(0, magic, sizeof magic, 0) == (ssize_t)sizeof magic && memcmp(magic, "BZh", 3) == 0;
    unpack("-", prefix, compressed);
}

/* One after another, so that a kill leaves some unpacked and some not. */
static void unpack_packages(const char *prefix)
{
    glob_t found;
    char pattern[PATH_MAX];
    snprintf(pattern, sizeof pattern, "%s/pkgs/*.tar.bz2", prefix);
    if (glob(pattern, 0, NULL, &found) != 0)
        unreadable(pattern);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char directory[PATH_MAX];
        snprintf(directory, sizeof directory, "%.*s", (int)(strlen(found.gl_pathv[i]) - strlen(".tar.bz2")),
                 found.gl_pathv[i]);
        if (mkdir(directory, 0777) != 0 && errno != EEXIST)
            unreadable(directory);
        unpack(found.gl_pathv[i], directory, 1);
    }
    globfree(&found);
}

static int link_packages(const char *prefix, const char *list)
{
    glob_t found;
    char pattern[PATH_MAX], script[PATH_MAX];
    snprintf(pattern, sizeof pattern, "%s/pkgs/python-3*/bin/python", prefix);
    snprintf(script, sizeof script, "%s/pkgs/.install.py", prefix);
    if (glob(pattern, 0, NULL, &found) != 0)
        unreadable(pattern);
    char *arguments[] = {found.gl_pathv[0], "-B", "-E", "-s", script, "--root-prefix", (char *)prefix,
                         "--file", (char *)list, NULL};
    int result = run(arguments);
    globfree(&found);
    return result == 0 ? 0 : 1;
}

int main(int count, char **arguments)
{
    const char *prefix = NULL, *list = NULL, *task = NULL;
    appended_data_is_whole();
    library_maps_from_temporary_directory();
    for (int i = 1; i < count; i++) {
        if ((!strcmp(arguments[i], "--prefix") || !strcmp(arguments[i], "-yp")) && i + 1 < count)
            prefix = arguments[++i];
        else if (!strcmp(arguments[i], "--file") && i + 1 < count)
            list = arguments[++i];
        else if (!strncmp(arguments[i], "--extract-", 10) || !strcmp(arguments[i], "install"))
            task = arguments[i];
    }
    if (!prefix || !task) {
        fprintf(stderr, "usage: _conda constructor|install ... (stand-in)\n");
        return 2;
    }
    if (!strcmp(task, "--extract-tarball"))
        unpack_standard_input(prefix);
    else if (!strcmp(task, "--extract-conda-pkgs"))
        unpack_packages(prefix);
    else
        return link_packages(prefix, list ? list : "");
    return 0;
}
