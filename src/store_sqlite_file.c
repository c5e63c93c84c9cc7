/*
 * store_sqlite_file.c - what one database file needs among threads and processes.
 *
 *   FILE-lock   byte 0  held for life by the one process that runs workers (its pid is the text)
 *               byte 1  held around open, each write transaction with its checkpoint, and close
 *               byte 2  held while waiting for byte 1, so that writers come one after the other and
 *                       a busy worker cannot starve the rest
 *   FILE-wake   a datagram socket of the process that runs workers: a hint that there is work
 *
 * Why: SQLite 3.40 can lose a log that two writers reset at once, so there is one writer at a time.
 * POSIX locks belong to a process: they do not exclude its own threads, and closing any descriptor
 * of the file drops them. Hence one entry per file (device and inode) in a table of the process, with
 * mutexes around the same spans and one descriptor, closed with the last store. The database file
 * itself is never opened here: closing such a descriptor would drop SQLite's own locks.
 *
 * An entry made before a fork is the parent's. SQLite's memory of the file came along with it and
 * knows nothing of the fork, so the child must not open the same file again.
 */
#include "store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define WAIT_FIRST_US 50
#define WAIT_MAX_US 2000
#define WAKE_DRAIN_MAX 64

enum lock_byte { BYTE_WORKER = 0, BYTE_WRITER = 1, BYTE_TURNSTILE = 2 };

struct tk_sqlite_file {
    struct tk_sqlite_file *next;
    pid_t opener;
    dev_t device;
    ino_t inode;
    uint32_t references; /* this and the next two are guarded by the table's mutex */
    uint32_t workers;
    int wake_in; /* bound socket, or -1 */
    char *path;
    char *lock_path;
    int lock_fd; /* -1: a reader without it */
    dev_t lock_device;
    ino_t lock_inode;
    int wake_out;  /* sending socket, or -1 */
    int folder_fd; /* for a wake path too long for an address, or -1 */
    struct sockaddr_un wake_address;
    socklen_t wake_address_size;       /* 0: no wake-ups */
    pthread_mutex_t turnstile, writer; /* as bytes 2 and 1, among threads */
};

static pthread_mutex_t table_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;
static tk_sqlite_file *table;

static void table_lock_raw(void) {
    pthread_mutex_lock(&table_mutex);
}

static void table_unlock(void) {
    pthread_mutex_unlock(&table_mutex);
}

/* A fork waits for whoever holds the table, so that the child finds it whole. */
static void table_prepare(void) {
    (void)pthread_atfork(table_lock_raw, table_unlock, table_unlock);
}

static void table_lock(void) {
    pthread_once(&table_once, table_prepare);
    table_lock_raw();
}

/* --- bytes of the lock file ------------------------------------------------------------------- */

static bool byte_set(const tk_sqlite_file *file, enum lock_byte byte, short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    int result;
    do {
        result = fcntl(file->lock_fd, F_SETLK, &lock);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

/* The process that holds a byte, or 0. */
static pid_t byte_holder(const tk_sqlite_file *file, enum lock_byte byte) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    if (fcntl(file->lock_fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) {
        return 0;
    }
    return lock.l_pid;
}

/* Waits for a byte as long as *patience_us lasts. The kernel's own waiting has no limit. */
static bool byte_wait(const tk_sqlite_file *file, enum lock_byte byte, int64_t *patience_us) {
    int64_t pause_us = WAIT_FIRST_US;
    while (!byte_set(file, byte, F_WRLCK)) {
        if ((errno != EAGAIN && errno != EACCES) || *patience_us <= 0) {
            return false;
        }
        struct timespec pause = {.tv_sec = 0, .tv_nsec = (long)(pause_us * 1000)};
        (void)nanosleep(&pause, NULL);
        *patience_us -= pause_us;
        pause_us = pause_us * 2 > WAIT_MAX_US ? WAIT_MAX_US : pause_us * 2;
    }
    return true;
}

static tasker_status bytes_lock(const tk_sqlite_file *file, tasker_error *error) {
    int64_t patience_us = (int64_t)TK_SQLITE_BUSY_MS * 1000;
    if (byte_wait(file, BYTE_TURNSTILE, &patience_us)) {
        bool locked = byte_wait(file, BYTE_WRITER, &patience_us);
        int reason = errno;
        (void)byte_set(file, BYTE_TURNSTILE, F_UNLCK);
        if (locked) {
            return TASKER_OK;
        }
        errno = reason;
    }
    if (errno != EAGAIN && errno != EACCES) {
        return tk_fail(error, TASKER_STORE,
                       "%s cannot be locked: %s; put the store on a local disk", file->lock_path,
                       strerror(errno));
    }
    return tk_fail(error, TASKER_STORE,
                   "%s: process %d has been writing for more than %d ms; try again, or end it",
                   file->path, (int)byte_holder(file, BYTE_WRITER), TK_SQLITE_BUSY_MS);
}

/* Are the files at both paths still the ones that were opened? Whoever deletes a database under a
 * running program must be told, for everything written then is lost. */
static tasker_status files_check(const tk_sqlite_file *file, tasker_error *error) {
    struct stat at;
    if (stat(file->path, &at) != 0 || at.st_dev != file->device || at.st_ino != file->inode) {
        return tk_fail(error, TASKER_STORE,
                       "%s was deleted, moved or replaced while it was open; open the store again",
                       file->path);
    }
    if (fstat(file->lock_fd, &at) != 0 || at.st_nlink == 0) {
        return tk_fail(
            error, TASKER_STORE,
            "%s was deleted while it was in use; end all that use the store, start again",
            file->lock_path);
    }
    return TASKER_OK;
}

tasker_status tk_sqlite_file_lock(tk_sqlite_file *file, tasker_error *error) {
    pthread_mutex_lock(&file->turnstile);
    pthread_mutex_lock(&file->writer);
    pthread_mutex_unlock(&file->turnstile);
    if (file->lock_fd < 0) {
        return TASKER_OK;
    }
    tasker_status status = files_check(file, error);
    if (status == TASKER_OK) {
        status = bytes_lock(file, error);
    }
    if (status != TASKER_OK) {
        pthread_mutex_unlock(&file->writer);
    }
    return status;
}

void tk_sqlite_file_unlock(tk_sqlite_file *file) {
    if (file->lock_fd >= 0) {
        (void)byte_set(file, BYTE_WRITER, F_UNLCK);
    }
    pthread_mutex_unlock(&file->writer);
}

/* --- the table -------------------------------------------------------------------------------- */

static tasker_status fail_open(const char *path, int reason, tasker_error *error) {
    const char *advice = "";
    switch (reason) {
    case ENOENT:
    case ENOTDIR:
        advice = "; make the folder first";
        break;
    case EACCES:
    case EPERM:
    case EROFS:
        advice = "; the folder must be writable, for SQLite keeps its log beside the file";
        break;
    case ENOSPC:
    case EDQUOT:
        advice = "; make room on the disk";
        break;
    default:
        break;
    }
    return tk_fail(error, reason == ENOENT || reason == ENOTDIR ? TASKER_NOTFOUND : TASKER_STORE,
                   "%s cannot be opened: %s%s", path, strerror(reason), advice);
}

/* Creates the file if need be, and finds its true path and identity. */
static tasker_status file_find(const char *path, bool create, char true_path[PATH_MAX],
                               struct stat *at, tasker_error *error) {
    if (stat(path, at) != 0) {
        if (errno != ENOENT || !create) {
            return tk_fail(error, errno == ENOENT ? TASKER_NOTFOUND : TASKER_STORE,
                           "%s cannot be opened: %s; check the path", path, strerror(errno));
        }
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0 && errno != EEXIST) {
            return fail_open(path, errno, error);
        }
        if (fd >= 0) {
            close(fd); /* of a new file that SQLite does not know yet */
        }
        if (stat(path, at) != 0) {
            return fail_open(path, errno, error);
        }
    }
    if (!S_ISREG(at->st_mode)) {
        return tk_fail(error, TASKER_INVALID, "%s is no file; expected one, or a new name", path);
    }
    if (realpath(path, true_path) == NULL) {
        return fail_open(path, errno, error);
    }
    return TASKER_OK;
}

/* Where wake-ups go. A path too long for an address is reached through its folder's descriptor. */
static void wake_prepare(tk_sqlite_file *file) {
    struct sockaddr_un *address = &file->wake_address;
    size_t room = sizeof(address->sun_path);
    address->sun_family = AF_UNIX;
    int size = snprintf(address->sun_path, room, "%s-wake", file->path);
    if (size < 0 || (size_t)size >= room) {
        char *slash = strrchr(file->path, '/');
        *slash = '\0';
        file->folder_fd = open(file->path[0] == '\0' ? "/" : file->path, O_PATH | O_CLOEXEC);
        *slash = '/';
        if (file->folder_fd < 0) {
            return;
        }
        size = snprintf(address->sun_path, room, "/proc/self/fd/%d%s-wake", file->folder_fd, slash);
        if (size < 0 || (size_t)size >= room) {
            return;
        }
    }
    file->wake_out = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (file->wake_out >= 0) {
        file->wake_address_size = (socklen_t)sizeof(*address);
    }
}

static void entry_free(tk_sqlite_file *file) {
    const int fds[] = {file->lock_fd, file->wake_out, file->folder_fd, file->wake_in};
    for (size_t i = 0; i < TK_COUNT_OF(fds); i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    pthread_mutex_destroy(&file->turnstile);
    pthread_mutex_destroy(&file->writer);
    tk_free(file->path);
    tk_free(file->lock_path);
    tk_free(file);
}

static char *text_join(const char *text, const char *tail) {
    size_t size = strlen(text) + strlen(tail) + 1;
    char *joined = tk_alloc(size);
    if (joined != NULL) {
        (void)snprintf(joined, size, "%s%s", text, tail);
    }
    return joined;
}

static tasker_status entry_lock_open(tk_sqlite_file *file, mode_t mode, bool read_only,
                                     tasker_error *error) {
    struct stat at;
    file->lock_fd = open(file->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, mode & 0666);
    if (file->lock_fd < 0) {
        return read_only ? TASKER_OK : fail_open(file->lock_path, errno, error);
    }
    if (fstat(file->lock_fd, &at) != 0) {
        return fail_open(file->lock_path, errno, error);
    }
    file->lock_device = at.st_dev;
    file->lock_inode = at.st_ino;
    return TASKER_OK;
}

static tasker_status entry_new(const char *path, const struct stat *at, bool read_only,
                               tk_sqlite_file **entry, tasker_error *error) {
    tk_sqlite_file *file = tk_alloc(sizeof(*file));
    if (file == NULL) {
        return tk_nomem(error);
    }
    file->opener = tk_process_id();
    file->device = at->st_dev;
    file->inode = at->st_ino;
    file->wake_in = file->lock_fd = file->wake_out = file->folder_fd = -1;
    pthread_mutex_init(&file->turnstile, NULL);
    pthread_mutex_init(&file->writer, NULL);
    file->path = tk_strdup(path);
    file->lock_path = text_join(path, "-lock");
    tasker_status status = file->path == NULL || file->lock_path == NULL
                               ? tk_nomem(error)
                               : entry_lock_open(file, at->st_mode, read_only, error);
    if (status != TASKER_OK) {
        entry_free(file);
        return status;
    }
    wake_prepare(file);
    *entry = file;
    return TASKER_OK;
}

static tk_sqlite_file *entry_find(const struct stat *at) {
    tk_sqlite_file *file = table;
    while (file != NULL && (file->device != at->st_dev || file->inode != at->st_ino)) {
        file = file->next;
    }
    return file;
}

/* A reader may have come first, without the lock file that a writer needs. */
static tasker_status entry_use(tk_sqlite_file *file, mode_t mode, bool read_only,
                               tasker_error *error) {
    if (file->opener != tk_process_id()) {
        return tk_fail(error, TASKER_FORKED,
                       "%s was open when this process was forked off process %d; close it before "
                       "the fork, or run another program",
                       file->path, (int)file->opener);
    }
    if (file->lock_fd < 0 && !read_only) {
        pthread_mutex_lock(&file->writer);
        tasker_status status = entry_lock_open(file, mode, read_only, error);
        pthread_mutex_unlock(&file->writer);
        return status;
    }
    return TASKER_OK;
}

tasker_status tk_sqlite_file_open(const char *path, bool create, bool read_only,
                                  tk_sqlite_file **file, tasker_error *error) {
    char true_path[PATH_MAX];
    struct stat at;
    table_lock();
    tasker_status status = file_find(path, create, true_path, &at, error);
    if (status == TASKER_OK) {
        *file = entry_find(&at);
        if (*file != NULL) {
            status = entry_use(*file, at.st_mode, read_only, error);
        } else {
            status = entry_new(true_path, &at, read_only, file, error);
            if (status == TASKER_OK) {
                assert(*file != NULL);
                (*file)->next = table;
                table = *file;
            }
        }
    }
    if (status == TASKER_OK) {
        (*file)->references++;
    }
    table_unlock();
    return status;
}

/* A database that was deleted and made anew has a second entry with the same lock file: closing this
 * descriptor would drop the locks of the other. Then it stays open. */
static void entry_keep_lock(tk_sqlite_file *file) {
    for (tk_sqlite_file *other = table; other != NULL; other = other->next) {
        if (other->lock_fd >= 0 && other->lock_device == file->lock_device &&
            other->lock_inode == file->lock_inode) {
            file->lock_fd = -1;
        }
    }
}

void tk_sqlite_file_close(tk_sqlite_file *file) {
    table_lock();
    if (--file->references == 0) {
        tk_sqlite_file **link = &table;
        while (*link != file) {
            link = &(*link)->next;
        }
        *link = file->next;
        entry_keep_lock(file);
        entry_free(file);
    }
    table_unlock();
}

const char *tk_sqlite_file_path(const tk_sqlite_file *file) {
    return file->path;
}

/* --- the worker ------------------------------------------------------------------------------- */

/* Hints are a comfort: whatever fails here, the worker looks by itself now and then. */
static void wake_bind(tk_sqlite_file *file) {
    if (file->wake_address_size == 0) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    (void)unlink(file->wake_address.sun_path); /* of a worker that died */
    if (bind(fd, (const struct sockaddr *)&file->wake_address, file->wake_address_size) != 0) {
        close(fd);
        return;
    }
    file->wake_in = fd;
}

static void pid_write(const tk_sqlite_file *file) {
    char text[32];
    int size = snprintf(text, sizeof(text), "%d\n", tk_process_id());
    if (ftruncate(file->lock_fd, 0) != 0 || pwrite(file->lock_fd, text, (size_t)size, 0) != size) {
        return; /* the text is for people; the lock is what counts */
    }
}

/* The pid in the lock file: the kernel's answer is 0 when the holder is in another container. */
static int pid_read(const tk_sqlite_file *file) {
    char text[32] = "";
    ssize_t size = pread(file->lock_fd, text, sizeof(text) - 1, 0);
    return size > 0 ? (int)strtol(text, NULL, 10) : 0;
}

static tasker_status entry_worker_lock(tk_sqlite_file *file, tasker_error *error) {
    if (!byte_set(file, BYTE_WORKER, F_WRLCK)) {
        pid_t holder = byte_holder(file, BYTE_WORKER);
        return tk_fail(
            error, TASKER_BUSY,
            "%s: process %d runs workers on this file, and there can be one; give it more "
            "threads, end it, or use PostgreSQL",
            file->path, holder > 0 ? (int)holder : pid_read(file));
    }
    pid_write(file);
    wake_bind(file);
    return TASKER_OK;
}

tasker_status tk_sqlite_worker_lock(tk_store *store, bool *first, tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    tasker_status status = TASKER_OK;
    if (tk_process_id() != sqlite->opener) {
        return tk_fail(error, TASKER_FORKED, "%s was opened before a fork; open it anew",
                       sqlite->name);
    }
    if (sqlite->read_only) {
        return tk_fail(error, TASKER_UNSUPPORTED, "%s was opened read-only; a worker writes",
                       sqlite->name);
    }
    table_lock();
    uint32_t *workers = sqlite->file == NULL ? &sqlite->workers : &sqlite->file->workers;
    if (sqlite->file != NULL && *workers == 0) {
        status = entry_worker_lock(sqlite->file, error);
    }
    if (status == TASKER_OK) {
        *first = *workers == 0;
        (*workers)++;
    }
    table_unlock();
    return status;
}

void tk_sqlite_worker_unlock(tk_store *store) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    if (tk_process_id() != sqlite->opener) {
        return;
    }
    table_lock();
    tk_sqlite_file *file = sqlite->file;
    uint32_t *workers = file == NULL ? &sqlite->workers : &file->workers;
    assert(*workers > 0);
    if (--*workers == 0 && file != NULL) {
        if (file->wake_in >= 0) {
            (void)unlink(file->wake_address.sun_path);
            close(file->wake_in);
            file->wake_in = -1;
        }
        (void)byte_set(file, BYTE_WORKER, F_UNLCK);
    }
    table_unlock();
}

void tk_sqlite_wake(tk_store *store) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    tk_sqlite_file *file = sqlite->file;
    if (file == NULL || file->wake_address_size == 0 || tk_process_id() != sqlite->opener) {
        return;
    }
    (void)sendto(file->wake_out, "w", 1, MSG_DONTWAIT | MSG_NOSIGNAL,
                 (const struct sockaddr *)&file->wake_address, file->wake_address_size);
}

int tk_sqlite_wake_fd(tk_store *store) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    return sqlite->file == NULL || tk_process_id() != sqlite->opener ? -1 : sqlite->file->wake_in;
}

void tk_sqlite_wake_drain(tk_store *store) {
    char bytes[8];
    int fd = tk_sqlite_wake_fd(store);
    for (int i = 0; fd >= 0 && i < WAKE_DRAIN_MAX; i++) {
        if (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) < 0) {
            return;
        }
    }
}
