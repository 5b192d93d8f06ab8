/* A disk that fails and loses power, for LD_PRELOAD: the files of one folder as the disk has them, kept beside it.
 *
 * DISK_FOLDER is watched. DISK_SHADOW holds for each file its durable octets (NAME) and a mark for each page
 * (NAME.pages): a page written since the last sync is dirty; a sync copies dirty pages to the shadow. While
 * DISK_SHADOW/fail exists a sync fails with EIO and, as Linux does, counts the pages as clean all the same: they are
 * on no disk until they are written again. The marks live in a shared map, so they outlive a killed process.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 1 << 17, FILES = 64 };
enum { CLEAN, DIRTY };

static struct { unsigned char *pages; char path[PATH_MAX], shadow[PATH_MAX]; } files[FILES];
static int known;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static int find(int fd) {
    const char *folder = getenv("DISK_FOLDER"), *shadow = getenv("DISK_SHADOW");
    char link[64], path[PATH_MAX], map[PATH_MAX + 8];
    struct stat found;
    if (!folder || !shadow || fstat(fd, &found) || !S_ISREG(found.st_mode)) return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return -1;
    path[length] = 0;
    for (int i = 0; i < known; i++)
        if (!strcmp(files[i].path, path)) return i;
    size_t prefix = strlen(folder);
    if (strncmp(path, folder, prefix) || path[prefix] != '/' || strchr(path + prefix + 1, '/')) return -1;
    if (known == FILES) abort();
    strcpy(files[known].path, path);
    snprintf(files[known].shadow, PATH_MAX, "%s%s", shadow, path + prefix);
    snprintf(map, sizeof map, "%s.pages", files[known].shadow);
    int (*open_)(const char *, int, ...) = real("open64");
    int pages = open_(map, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int (*truncate_)(int, off64_t) = real("ftruncate64");
    if (pages < 0 || truncate_(pages, PAGES)) abort();
    files[known].pages = mmap(NULL, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, pages, 0);
    close(pages);
    if (files[known].pages == MAP_FAILED) abort();
    return known++;
}

static int file_of(int fd) {
    pthread_mutex_lock(&lock);
    int found = find(fd);
    pthread_mutex_unlock(&lock);
    return found;
}

static void soil(int fd, off64_t at, size_t count) {
    int file = count ? file_of(fd) : -1;
    if (file < 0) return;
    for (off64_t page = at / PAGE; page <= (at + (off64_t)count - 1) / PAGE; page++) {
        if (page >= PAGES) abort();
        files[file].pages[page] = DIRTY;
    }
}

static int synced(int fd) {
    int file = file_of(fd);
    if (file < 0) return 0;
    char fail[PATH_MAX], page[PAGE];
    snprintf(fail, sizeof fail, "%s/fail", getenv("DISK_SHADOW"));
    int failing = access(fail, F_OK) == 0;
    int (*open_)(const char *, int, ...) = real("open64");
    ssize_t (*write_)(int, const void *, size_t, off64_t) = real("pwrite64");
    int (*truncate_)(int, off64_t) = real("ftruncate64");
    struct stat now;
    int disk = open_(files[file].shadow, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (disk < 0 || fstat(fd, &now)) abort();
    for (off64_t i = 0; i <= now.st_size / PAGE && i < PAGES; i++) {
        if (files[file].pages[i] != DIRTY) continue;
        ssize_t got = failing ? 0 : pread64(fd, page, PAGE, i * PAGE);
        if (got > 0 && write_(disk, page, got, i * PAGE) != got) abort();
        files[file].pages[i] = CLEAN;
    }
    if (!failing && truncate_(disk, now.st_size)) abort();
    close(disk);
    errno = EIO;
    return failing ? -1 : 0;
}

ssize_t pwrite64(int fd, const void *octets, size_t count, off64_t at) {
    ssize_t (*write_)(int, const void *, size_t, off64_t) = real("pwrite64");
    soil(fd, at, count);
    return write_(fd, octets, count, at);
}

ssize_t pwrite(int fd, const void *octets, size_t count, off_t at) { return pwrite64(fd, octets, count, at); }

ssize_t write(int fd, const void *octets, size_t count) {
    ssize_t (*write_)(int, const void *, size_t) = real("write");
    off64_t at = lseek64(fd, 0, SEEK_CUR);
    if (at >= 0) soil(fd, at, count);
    return write_(fd, octets, count);
}

int fdatasync(int fd) {
    int (*sync_)(int) = real("fdatasync");
    return synced(fd) ? -1 : sync_(fd);
}

int fsync(int fd) {
    int (*sync_)(int) = real("fsync");
    return synced(fd) ? -1 : sync_(fd);
}
