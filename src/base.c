/*
 * base.c - memory and the error helper: what every other file calls, and what calls none of them.
 *
 * All memory of the library passes through `allocator`, so that a test can count it and make any
 * single allocation fail.
 */
#include "base.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "utf8.h"

#ifdef TK_MUTANTS
int tk_mutant;
#endif

static void *system_resize(void *user, void *old, size_t size) {
    (void)user;
    return realloc(old, size);
}

static void system_release(void *user, void *old) {
    (void)user;
    free(old);
}

static const tk_allocator system_allocator = {.resize = system_resize, .release = system_release};
static tk_allocator allocator = {.resize = system_resize, .release = system_release};

void tk_allocator_set(const tk_allocator *replacement) {
    allocator = replacement == NULL ? system_allocator : *replacement;
}

void *tk_alloc(size_t size) {
    assert(size > 0);
    if (allocator.resize == system_resize) {
        return calloc(1, size); /* large zeroed memory comes straight from the kernel */
    }
    void *memory = allocator.resize(allocator.user, NULL, size);
    if (memory != NULL) {
        memset(memory, 0, size);
    }
    return memory;
}

/* False when count × size overflows; a count of 0 is taken as 1. */
static bool array_bytes(size_t count, size_t size, size_t *bytes) {
    assert(size > 0);
    return !__builtin_mul_overflow(count == 0 ? 1 : count, size, bytes);
}

void *tk_alloc_array(size_t count, size_t size) {
    size_t bytes = 0;
    return array_bytes(count, size, &bytes) ? tk_alloc(bytes) : NULL;
}

void *tk_resize_array(void *old, size_t count, size_t size) {
    size_t bytes = 0;
    return array_bytes(count, size, &bytes) ? allocator.resize(allocator.user, old, bytes) : NULL;
}

void tk_free(void *memory) {
    allocator.release(allocator.user, memory);
}

char *tk_strdup(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = tk_resize_array(NULL, size, 1);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

/* Formats into a buffer of its own first: an argument may be the old message of the same error. */
static tasker_status fail(tasker_error *error, tasker_status status, const char *path,
                          const char *format, va_list args) {
    assert(status != TASKER_OK);
    if (error == NULL) {
        return status;
    }
    char message[TASKER_MESSAGE_MAX];
    int wanted = vsnprintf(message, sizeof(message), format, args);
    if (wanted < 0) {
        message[0] = '\0';
    }
    char place[TASKER_PATH_MAX]; /* `path` may be the error's own, too */
    tk_utf8_line(place, sizeof(place), path, strlen(path), false);

    memset(error, 0, sizeof(*error));
    error->status = status;
    bool cut = wanted >= (int)sizeof(message);
    tk_utf8_line(error->message, sizeof(error->message), message, strlen(message), cut);
    memcpy(error->path, place, strlen(place));
    return status;
}

tasker_status tk_fail(tasker_error *error, tasker_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fail(error, status, "", format, args);
    va_end(args);
    return status;
}

tasker_status tk_fail_at(tasker_error *error, tasker_status status, const char *path,
                         const char *format, ...) {
    va_list args;
    va_start(args, format);
    fail(error, status, path == NULL ? "" : path, format, args);
    va_end(args);
    return status;
}

tasker_status tk_nomem(tasker_error *error) {
    return tk_fail(error, TASKER_NOMEM, "%s", tasker_status_text(TASKER_NOMEM));
}

/* --- process --- */

static pthread_once_t process_once = PTHREAD_ONCE_INIT;
static int process_id; /* 0: ask the kernel */

static void process_forked(void) {
    process_id = (int)getpid(); /* the child has one thread */
}

static void process_watch(void) {
    if (pthread_atfork(NULL, NULL, process_forked) == 0) {
        process_id = (int)getpid();
    }
}

int tk_process_id(void) {
    pthread_once(&process_once, process_watch);
    return process_id != 0 ? process_id : (int)getpid();
}
