/*
 * common.c - runs an example, and helps its handlers; see common.h.
 */
#include "common.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    THREADS = 4,
    WAIT_MS = 30 * 1000,
    STOP_MS = 2 * 1000,
    REQUEST_BYTES_MAX = 8 * 1024,
    TEMPLATE_BYTES_MAX = 64 * 1024,
};

/* --- numbers ---------------------------------------------------------------------------------- */

bool example_number_read(tasker_bytes json, example_number *number) {
    const char *at = json.data;
    size_t size = json.size;
    bool negative = size > 0 && *at == '-';
    if (negative) {
        at++;
        size--;
    }
    if (size == 0 || size > EXAMPLE_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
    }
    memcpy(number->digits, at, size);
    number->digits[size] = '\0';
    number->negative = negative;
    return true;
}

/* The way it is done on paper: one digit times one digit, from the right. */
bool example_multiply(const example_number *a, const example_number *b, example_number *product) {
    size_t a_size = strlen(a->digits);
    size_t b_size = strlen(b->digits);
    size_t size = a_size + b_size;
    if (size > EXAMPLE_DIGITS_MAX) {
        return false;
    }
    char digits[EXAMPLE_DIGITS_MAX + 1] = {0}; /* 0..9 here, not '0'..'9' */
    for (size_t i = a_size; i > 0; i--) {
        int carry = 0;
        for (size_t j = b_size; j > 0; j--) {
            char *place = &digits[i + j - 1];
            int sum = *place + carry + (a->digits[i - 1] - '0') * (b->digits[j - 1] - '0');
            *place = (char)(sum % 10);
            carry = sum / 10;
        }
        digits[i - 1] = (char)carry;
    }
    size_t zeros = 0;
    while (zeros + 1 < size && digits[zeros] == 0) {
        zeros++;
    }
    for (size_t i = zeros; i < size; i++) {
        product->digits[i - zeros] = (char)('0' + digits[i]);
    }
    product->digits[size - zeros] = '\0';
    product->negative = a->negative != b->negative && product->digits[0] != '0';
    return true;
}

/* --- what a step was given -------------------------------------------------------------------- */

tasker_bytes example_member(tasker_bytes json, const char *name) {
    char quoted[80];
    int size = snprintf(quoted, sizeof(quoted), "\"%s\"", name);
    const char *end = json.data + json.size;
    const char *at = json.size == 0 ? NULL : memmem(json.data, json.size, quoted, (size_t)size);
    if (at == NULL) {
        return (tasker_bytes){NULL, 0};
    }
    at += size;
    while (at < end && strchr(" \t\r\n:", *at) != NULL) {
        at++;
    }
    const char *begin = at;
    while (at < end && *at != '\0' && strchr("-0123456789", *at) != NULL) {
        at++;
    }
    return (tasker_bytes){begin, (size_t)(at - begin)};
}

bool example_member_int(tasker_bytes json, const char *name, int64_t *number) {
    tasker_bytes text = example_member(json, name);
    char copy[20] = {0}; /* at most 19 characters: no overflow */
    if (text.size == 0 || text.size >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    *number = strtoll(copy, NULL, 10);
    return true;
}

bool example_context_number(const tasker_step *step, example_number *number) {
    return example_number_read(example_member(step->context, "even_number"), number);
}

tasker_bytes example_result(const tasker_step *step, const char *name) {
    for (size_t i = 0; i < step->dependency_count; i++) {
        if (strcmp(step->dependencies[i].name, name) == 0) {
            return step->dependencies[i].result;
        }
    }
    return (tasker_bytes){NULL, 0};
}

bool example_parents_product(const tasker_step *step, const char *const *names, size_t count,
                             example_number *product) {
    *product = (example_number){.digits = "1"};
    for (size_t i = 0; i < count; i++) {
        example_number factor;
        example_number before = *product;
        if (!example_number_read(example_result(step, names[i]), &factor) ||
            !example_multiply(&before, &factor, product)) {
            return false;
        }
    }
    return true;
}

/* --- how a step ended ------------------------------------------------------------------------- */

/* An outcome's texts live until the thread's next one: a place per thread is enough. */
static _Thread_local char result_text[EXAMPLE_DIGITS_MAX + 2];

void example_succeed_text(tasker_outcome *outcome, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int size = vsnprintf(result_text, sizeof(result_text), format, args);
    va_end(args);
    if (size < 0 || (size_t)size >= sizeof(result_text)) {
        example_fail(outcome, false, "the result is too long");
        return;
    }
    outcome->ok = true;
    outcome->result = (tasker_bytes){result_text, (size_t)size};
}

void example_succeed(tasker_outcome *outcome, const example_number *number) {
    example_succeed_text(outcome, "%s%s", number->negative ? "-" : "", number->digits);
}

void example_fail(tasker_outcome *outcome, bool retryable, const char *message) {
    outcome->ok = false;
    outcome->retryable = retryable;
    outcome->retry_after_ms = -1;
    outcome->error_message = (tasker_bytes){message, strlen(message)};
    outcome->error_class = (tasker_bytes){"ExampleError", strlen("ExampleError")};
}

static void succeed_squared(tasker_outcome *outcome, const example_number *number) {
    example_number square;
    if (example_multiply(number, number, &square)) {
        example_succeed(outcome, &square);
    } else {
        example_fail(outcome, false, "the square has too many digits");
    }
}

void example_square_context(void *user, const tasker_step *step, tasker_outcome *outcome) {
    (void)user;
    example_number number;
    if (example_context_number(step, &number)) {
        succeed_squared(outcome, &number);
    } else {
        example_fail(outcome, false, "the context has no whole even_number");
    }
}

void example_square_parents(void *user, const tasker_step *step, tasker_outcome *outcome) {
    const char *const *names = user;
    size_t count = 0;
    while (names[count] != NULL) {
        count++;
    }
    example_number product;
    if (example_parents_product(step, names, count, &product)) {
        succeed_squared(outcome, &product);
    } else {
        example_fail(outcome, false, "a parent's result is no number, or it is too long");
    }
}

/* --- running ---------------------------------------------------------------------------------- */

typedef struct settings {
    const char *store, *templates, *number;
} settings;

static void *run_handlers(void *arg) {
    tasker_worker_run(arg, NULL); /* until tasker_worker_stop() */
    return NULL;
}

static int fail(const char *doing, const tasker_error *error) {
    fprintf(stderr, "%s: %s%s%s\n", doing, error->message, error->path[0] == '\0' ? "" : " at ",
            error->path);
    return 1;
}

static tasker_status put_template(tasker *store, const char *path, tasker_error *error) {
    static char yaml[TEMPLATE_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        snprintf(error->message, sizeof(error->message), "%.400s cannot be read", path);
        return TASKER_NOTFOUND;
    }
    size_t size = fread(yaml, 1, sizeof(yaml), file);
    fclose(file);
    return tasker_template_put(store, (tasker_bytes){yaml, size}, path, NULL, error);
}

/* Copies the text of the first "member":"text" or "member":value behind `from`; a program with more
 * to read takes a JSON library. */
static bool find_member(const char *from, const char *member, char *value, size_t room) {
    char name[80];
    snprintf(name, sizeof(name), "\"%s\":", member);
    const char *at = strstr(from, name);
    if (at == NULL) {
        return false;
    }
    at += strlen(name);
    bool quoted = *at == '"';
    at += quoted ? 1 : 0;
    size_t size = strcspn(at, quoted ? "\"" : ",}");
    if (size >= room) {
        return false;
    }
    memcpy(value, at, size);
    value[size] = '\0';
    return true;
}

static tasker_status submit(const example *ex, tasker *store, const char *number, char *uuid,
                            tasker_error *error) {
    char context[EXAMPLE_DIGITS_MAX + 32];
    char request[REQUEST_BYTES_MAX];
    snprintf(context, sizeof(context), "{\"even_number\": %s}", number);
    int size = snprintf(
        request, sizeof(request), "{\"namespace\": \"%s\", \"name\": \"%s\", \"context\": %s}",
        ex->namespace_name, ex->task_name, ex->context == NULL ? context : ex->context);
    tasker_text answer = {0};
    tasker_status status =
        tasker_submit(store, (tasker_bytes){request, (size_t)size}, &answer, error);
    if (status == TASKER_OK && !find_member(answer.data, "task_uuid", uuid, TASKER_UUID_SIZE)) {
        snprintf(error->message, sizeof(error->message), "the answer has no task_uuid");
        status = TASKER_STORE;
    }
    tasker_text_free(&answer);
    return status;
}

/* The last step is the last in the task's list, and its result is in "results". */
static int print_result(const example *ex, const char *task) {
    char name[160];
    char value[EXAMPLE_DIGITS_MAX + 2];
    snprintf(name, sizeof(name), "\"name\":\"%s\"", ex->last_step);
    const char *step = strstr(task, name);
    const char *results = step == NULL ? NULL : strstr(step, "\"results\":");
    if (results == NULL || !find_member(results, "result", value, sizeof(value))) {
        fprintf(stderr, "the step %s has no result\n", ex->last_step);
        return 1;
    }
    printf("%s\n", value);
    return 0;
}

static int run_task(const example *ex, tasker *store, const char *number) {
    char uuid[TASKER_UUID_SIZE];
    tasker_error error = {0};
    if (submit(ex, store, number, uuid, &error) != TASKER_OK) {
        return fail("submit", &error);
    }
    tasker_text task = {0};
    tasker_status status = tasker_task_wait(store, uuid, WAIT_MS, &task, &error);
    int code = 1;
    if (status != TASKER_OK) {
        fail("wait", &error);
    } else if (strstr(task.data, "\"state\":\"complete\"") == NULL) {
        fprintf(stderr, "the task did not end well: %s\n", task.data);
    } else {
        code = print_result(ex, task.data);
    }
    tasker_text_free(&task);
    return code;
}

static int run_worker(const example *ex, tasker *store, const char *number) {
    tasker_worker_options options = {
        .size = sizeof(options),
        .handlers = ex->handlers,
        .handler_count = ex->handler_count,
        .threads = THREADS,
    };
    tasker_worker *worker = NULL;
    tasker_error error = {0};
    if (tasker_worker_open(store, &options, &worker, &error) != TASKER_OK) {
        return fail("worker", &error);
    }
    if (tasker_worker_start(worker, &error) != TASKER_OK) {
        tasker_worker_close(worker);
        return fail("worker", &error);
    }
    pthread_t threads[THREADS];
    size_t running = 0;
    while (running < THREADS &&
           pthread_create(&threads[running], NULL, run_handlers, worker) == 0) {
        running++;
    }
    int code = running == 0 ? 1 : run_task(ex, store, number);

    tasker_worker_stop(worker, STOP_MS, NULL);
    for (size_t i = 0; i < running; i++) {
        pthread_join(threads[i], NULL);
    }
    tasker_worker_close(worker);
    return code;
}

static bool read_settings(settings *s, int argc, char **argv) {
    const char *templates = getenv("TASKER_TEMPLATE_PATH");
    *s = (settings){
        .store = "sqlite::memory:",
        .templates = templates == NULL ? "examples/c/templates" : templates,
        .number = "2",
    };
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        example_number number;
        if (strcmp(argv[i], "--store") == 0 && more) {
            s->store = argv[++i];
        } else if (strcmp(argv[i], "--templates") == 0 && more) {
            s->templates = argv[++i];
        } else if (example_number_read((tasker_bytes){argv[i], strlen(argv[i])}, &number)) {
            s->number = argv[i];
        } else {
            return false;
        }
    }
    return true;
}

int example_main(const example *ex, int argc, char **argv) {
    settings s;
    if (!read_settings(&s, argc, argv)) {
        fprintf(stderr, "usage: %s [--store URL] [--templates DIRECTORY] [NUMBER]\n", argv[0]);
        return 2;
    }
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s.yaml", s.templates, ex->name);
    tasker *store = NULL;
    tasker_error error = {0};
    if (tasker_open(s.store, NULL, &store, &error) != TASKER_OK) {
        return fail("open", &error);
    }
    int code = put_template(store, path, &error) == TASKER_OK ? run_worker(ex, store, s.number)
                                                              : fail("template", &error);
    tasker_close(store);
    return code;
}
