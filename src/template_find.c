/*
 * template_find.c - finds the template files that a worker registers at its start.
 *
 *   environment, disk --> [template_find.c] --paths, texts--> catalog.c --> template_yaml.c
 *
 * This one does I/O: it belongs to the verbs' layer. Every walk is bounded, and no link can lead it
 * in a circle: links to directories are not followed.
 */
#include "template_find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the directory --- */

static bool is_directory(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool exists(const char *directory, const char *name) {
    char path[PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/%s", directory, name);
    return size > 0 && (size_t)size < sizeof(path) && access(path, F_OK) == 0;
}

static bool is_workspace(const char *directory) {
    static const char *const marks[] = {"Gemfile", ".git", "package.json", "Cargo.toml"};
    for (size_t i = 0; i < TK_COUNT_OF(marks); i++) {
        if (exists(directory, marks[i])) {
            return true;
        }
    }
    return false;
}

/* Takes the candidate if it is a directory; true ends the search (also when out of memory). */
static bool take(tk_arena *arena, const char *base, const char *below, const char **path) {
    char candidate[PATH_MAX];
    int size = snprintf(candidate, sizeof(candidate), "%s%s", base, below);
    if (size <= 0 || (size_t)size >= sizeof(candidate) || !is_directory(candidate)) {
        return false;
    }
    *path = tk_arena_copy(arena, candidate, (size_t)size);
    return true;
}

static bool take_workspace(tk_arena *arena, const char **path) {
    char directory[PATH_MAX];
    if (getcwd(directory, sizeof(directory)) == NULL) {
        return false;
    }
    while (directory[0] == '/') {
        if (is_workspace(directory) && take(arena, directory, "/config/tasks", path)) {
            return true;
        }
        char *slash = strrchr(directory, '/');
        if (slash == directory) {
            break;
        }
        *slash = '\0';
    }
    return false;
}

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

tasker_status tk_template_directory(tk_arena *arena, const char **path, tasker_error *error) {
    const char *given = variable("TASKER_TEMPLATE_PATH");
    const char *workspace = variable("WORKSPACE_PATH");
    *path = NULL;
    bool found = (given != NULL && take(arena, given, "", path)) ||
                 (workspace != NULL && take(arena, workspace, "/config/tasks", path)) ||
                 take_workspace(arena, path) || take(arena, "./config/tasks", "", path);
    if (found) {
        return *path == NULL ? tk_nomem(error) : TASKER_OK;
    }
    return tk_fail(error, TASKER_NOTFOUND,
                   "no directory of templates; looked at TASKER_TEMPLATE_PATH (%s), "
                   "WORKSPACE_PATH/config/tasks (%s), config/tasks of this workspace and here",
                   given == NULL ? "not set" : given, workspace == NULL ? "not set" : workspace);
}

/* --- the files --- */

/* A directory that is still to be read. */
typedef struct pending {
    const char *path;
    uint32_t depth;
    struct pending *next;
} pending;

typedef struct search {
    tk_arena *arena;
    const char **paths;
    uint32_t count, room, entries;
    pending *pending;
    tasker_error *error;
} search;

static bool ends_with(const char *name, const char *end) {
    size_t size = strlen(name);
    size_t end_size = strlen(end);
    return size > end_size && strcmp(name + size - end_size, end) == 0;
}

static tasker_status add_directory(search *s, const char *path, uint32_t depth) {
    if (depth > TK_TEMPLATE_DEPTH_MAX) {
        return tk_fail_at(s->error, TASKER_INVALID, path,
                          "too deep; expected at most %d directories within each other",
                          TK_TEMPLATE_DEPTH_MAX);
    }
    pending *added = tk_arena_alloc(s->arena, sizeof(*added));
    if (added == NULL) {
        return tk_nomem(s->error);
    }
    *added = (pending){.path = path, .depth = depth, .next = s->pending};
    s->pending = added;
    return TASKER_OK;
}

static tasker_status add_file(search *s, const char *path) {
    if (s->count == TK_TEMPLATE_FILES_MAX) {
        return tk_fail_at(s->error, TASKER_INVALID, path,
                          "too many template files; expected at most %d", TK_TEMPLATE_FILES_MAX);
    }
    if (s->count == s->room) {
        uint32_t room = s->room == 0 ? 64 : s->room * 2;
        const char **paths = tk_arena_array(s->arena, room, sizeof(*paths));
        if (paths == NULL) {
            return tk_nomem(s->error);
        }
        if (s->count > 0) {
            memcpy(paths, s->paths, s->count * sizeof(*paths));
        }
        s->paths = paths;
        s->room = room;
    }
    s->paths[s->count++] = path;
    return TASKER_OK;
}

static tasker_status take_entry(search *s, const pending *directory, const char *name) {
    struct stat info;
    if (name[0] == '.') {
        return TASKER_OK;
    }
    if (++s->entries > TK_TEMPLATE_ENTRIES_MAX) {
        return tk_fail_at(s->error, TASKER_INVALID, directory->path,
                          "too many names below this directory; expected at most %d",
                          TK_TEMPLATE_ENTRIES_MAX);
    }
    size_t size = strlen(directory->path);
    bool slash = size > 0 && directory->path[size - 1] == '/';
    const char *path = tk_arena_printf(s->arena, "%s%s%s", directory->path, slash ? "" : "/", name);
    if (path == NULL) {
        return tk_nomem(s->error);
    }
    if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        return add_directory(s, path, directory->depth + 1);
    }
    bool yaml = ends_with(name, ".yml") || ends_with(name, ".yaml");
    if (yaml && stat(path, &info) == 0 && S_ISREG(info.st_mode)) {
        return add_file(s, path);
    }
    return TASKER_OK;
}

static tasker_status read_directory(search *s, const pending *directory) {
    char reason[128];
    DIR *stream = opendir(directory->path);
    if (stream == NULL) {
        return tk_fail_at(s->error, TASKER_NOTFOUND, directory->path,
                          "the directory cannot be read: %s",
                          strerror_r(errno, reason, sizeof(reason)));
    }
    tasker_status status = TASKER_OK;
    const struct dirent *entry;
    while (status == TASKER_OK && (entry = readdir(stream)) != NULL) {
        status = take_entry(s, directory, entry->d_name);
    }
    closedir(stream);
    return status;
}

static int path_compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

tasker_status tk_template_files(tk_arena *arena, const char *directory, const char *const **paths,
                                uint32_t *count, tasker_error *error) {
    search s = {.arena = arena, .error = error};
    tasker_status status = add_directory(&s, directory, 0);
    while (status == TASKER_OK && s.pending != NULL) {
        const pending *next = s.pending;
        s.pending = next->next;
        status = read_directory(&s, next);
    }
    if (s.count > 1) {
        qsort(s.paths, s.count, sizeof(*s.paths), path_compare);
    }
    *paths = s.paths;
    *count = status == TASKER_OK ? s.count : 0;
    return status;
}

/* --- one file --- */

static bool read_all(int file, char *buffer, size_t room, size_t *size) {
    *size = 0;
    while (*size < room) {
        ssize_t got = read(file, buffer + *size, room - *size);
        if (got == 0) {
            return true;
        }
        if (got > 0) {
            *size += (size_t)got;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* Opens a regular file; -1 with errno. A pipe or a device must not hold us up. */
static int open_regular(const char *path, struct stat *info) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file >= 0 && (fstat(file, info) != 0 || !S_ISREG(info->st_mode))) {
        close(file);
        errno = EINVAL;
        return -1;
    }
    return file;
}

tasker_status tk_template_file_read(tk_arena *arena, const char *path, tk_str *text,
                                    tasker_error *error) {
    char reason[128];
    struct stat info;
    *text = (tk_str){0};
    int file = open_regular(path, &info);
    if (file < 0) {
        return tk_fail_at(error, TASKER_NOTFOUND, path, "the file cannot be read: %s",
                          strerror_r(errno, reason, sizeof(reason)));
    }
    size_t room = (size_t)TASKER_TEMPLATE_BYTES_MAX + 1;
    if (info.st_size < TASKER_TEMPLATE_BYTES_MAX) {
        room = (size_t)info.st_size + 1;
    }
    char *buffer = tk_arena_alloc(arena, room);
    bool ok = buffer != NULL && read_all(file, buffer, room, &text->size);
    int cause = errno;
    close(file);
    if (buffer == NULL) {
        return tk_nomem(error);
    }
    if (!ok) {
        text->size = 0;
        return tk_fail_at(error, TASKER_NOTFOUND, path, "the file cannot be read: %s",
                          strerror_r(cause, reason, sizeof(reason)));
    }
    text->data = buffer;
    return TASKER_OK;
}
