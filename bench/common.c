/*
 * common.c - what the benches share.
 */
#include "common.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef TK_WITH_POSTGRES
#include <libpq-fe.h>
#endif

#define STEP(name, parents)                                                                        \
    "  - name: " name "\n    handler: {callable: " BENCH_CALLABLE "}\n    dependencies: " parents  \
    "\n"

static const char *const templates[] = {
    "name: one\nnamespace_name: bench\nversion: 1.0.0\nsteps:\n" STEP("a", "[]"),
    "name: chain\nnamespace_name: bench\nversion: 1.0.0\nsteps:\n" STEP("a", "[]") STEP("b", "[a]")
        STEP("c", "[b]") STEP("d", "[c]"),
    "name: diamond\nnamespace_name: bench\nversion: 1.0.0\nsteps:\n" STEP("a", "[]")
        STEP("b", "[a]") STEP("c", "[a]") STEP("d", "[b, c]"),
};

int64_t bench_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t bench_cpu_us(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
           used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

void bench_fail(const char *doing, const tasker_error *error) {
    fprintf(stderr, "%s: %s %s\n", doing, error != NULL ? error->message : "failed",
            error != NULL ? error->path : "");
    exit(1);
}

/* --- the store -------------------------------------------------------------------------------- */

void bench_file_remove(const char *path) {
    static const char *const endings[] = {"", "-wal", "-shm", "-lock", "-wake"};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        char name[BENCH_URL_MAX + 8];
        snprintf(name, sizeof(name), "%s%s", path, endings[i]);
        unlink(name);
    }
}

void bench_file(char path[BENCH_URL_MAX]) {
    const char *folder = getenv("TASKER_BENCH_DIR");
    if (folder == NULL) {
        folder = "build/bench-data";
        mkdir("build", 0777);
    }
    mkdir(folder, 0777);
    snprintf(path, BENCH_URL_MAX, "%s/bench-%ld.db", folder, (long)getpid());
    bench_file_remove(path);
}

static const char *file_of(const char *url) {
    return strncmp(url, "sqlite:", 7) == 0 ? url + 7 : NULL;
}

#ifdef TK_WITH_POSTGRES
#define COUNT_STATEMENTS                                                                           \
    "(SELECT coalesce(sum(calls), 0)::float8 FROM pg_stat_statements"                              \
    " WHERE query NOT IN ('BEGIN', 'COMMIT', 'ROLLBACK') AND query NOT LIKE 'BEGIN ISOLATION%'"    \
    " AND query NOT LIKE '%pg_stat_statements%')"
#define COUNT_BYTES                                                                                \
    "(SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8 FROM pg_class c"              \
    " JOIN pg_namespace s ON s.oid = c.relnamespace WHERE s.nspname = 'tasker'"                    \
    " AND c.relkind = 'r')"

/* Runs one statement; `numbers` takes its first row. */
static void server_run(const char *url, const char *sql, double *numbers, int count) {
    PGconn *connection = PQconnectdb(url);
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(connection));
        exit(1);
    }
    for (int i = 0; i < count; i++) {
        numbers[i] = strtod(PQgetvalue(result, 0, i), NULL);
    }
    PQclear(result);
    PQfinish(connection);
}

static void server_clear(const char *url) {
    server_run(url,
               "SET client_min_messages = error; DROP SCHEMA IF EXISTS tasker CASCADE;"
               "CREATE EXTENSION IF NOT EXISTS pg_stat_statements; CHECKPOINT",
               NULL, 0);
}

static bench_usage server_usage(const char *url) {
    double numbers[3];
    server_run(url,
               "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8, " COUNT_STATEMENTS
               ", " COUNT_BYTES,
               numbers, 3);
    return (bench_usage){.wal_bytes = numbers[0], .statements = numbers[1], .bytes = numbers[2]};
}
#else
static void server_clear(const char *url) {
    (void)url;
    bench_fail("this build has no PostgreSQL store", NULL);
}

static bench_usage server_usage(const char *url) {
    (void)url;
    return (bench_usage){0};
}
#endif

void bench_store(char url[BENCH_URL_MAX]) {
    const char *server = getenv("TASKER_STORE");
    if (server != NULL && strncmp(server, "postgres", 8) == 0) {
        snprintf(url, BENCH_URL_MAX, "%s", server);
        server_clear(url);
    } else {
        memcpy(url, "sqlite:", 8);
        char path[BENCH_URL_MAX];
        bench_file(path);
        snprintf(url + 7, BENCH_URL_MAX - 7, "%.*s", BENCH_URL_MAX - 8, path);
    }
}

void bench_store_remove(const char *url) {
    if (file_of(url) != NULL) {
        bench_file_remove(file_of(url));
    } else {
        server_clear(url);
    }
}

bench_usage bench_store_usage(const char *url) {
    struct stat file;
    if (file_of(url) == NULL) {
        return server_usage(url);
    }
    bool there = stat(file_of(url), &file) == 0;
    return (bench_usage){.bytes = there ? (double)file.st_size : 0};
}

tasker *bench_open(const char *url) {
    tasker_error error = {0};
    tasker *handle = NULL;
    if (tasker_open(url, NULL, &handle, &error) != TASKER_OK) {
        bench_fail("open", &error);
    }
    for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
        tasker_bytes yaml = {templates[i], strlen(templates[i])};
        if (tasker_template_put(handle, yaml, "bench.yaml", NULL, &error) != TASKER_OK) {
            bench_fail("template", &error);
        }
    }
    return handle;
}

char *bench_request(const char *template_name, unsigned count) {
    static const char form[] = "%s{\"name\":\"%s\",\"namespace\":\"bench\",\"context\":{\"n\":%u}}";
    size_t room = (size_t)count * (sizeof(form) + strlen(template_name) + 10) + 3;
    char *text = malloc(room);
    if (text == NULL) {
        bench_fail("request", NULL);
    }
    size_t size = 0;
    if (count > 1) {
        text[size++] = '[';
    }
    for (unsigned i = 0; i < count; i++) {
        size +=
            (size_t)snprintf(text + size, room - size, form, i > 0 ? "," : "", template_name, i);
    }
    if (count > 1) {
        text[size++] = ']';
    }
    text[size] = '\0';
    return text;
}

void bench_submit(tasker *handle, const char *request, char *task_uuid) {
    tasker_error error = {0};
    tasker_text answer = {0};
    if (tasker_submit(handle, (tasker_bytes){request, strlen(request)}, &answer, &error) !=
        TASKER_OK) {
        bench_fail("submit", &error);
    }
    if (task_uuid != NULL) {
        static const char member[] = "\"task_uuid\":\"";
        const char *at = strstr(answer.data, member);
        if (at == NULL) {
            bench_fail("submit: no task_uuid in the answer", NULL);
        }
        memcpy(task_uuid, at + sizeof(member) - 1, TASKER_UUID_SIZE - 1);
        task_uuid[TASKER_UUID_SIZE - 1] = '\0';
    }
    tasker_text_free(&answer);
}

/* --- the worker ------------------------------------------------------------------------------- */

static void noop(void *user, const tasker_step *step, tasker_outcome *outcome) {
    (void)user;
    (void)step;
    outcome->result = (tasker_bytes){"{\"ok\":true}", 11};
}

static void *run(void *worker) {
    tasker_worker_run(worker, NULL);
    return NULL;
}

void bench_worker_open(bench_worker *w, tasker *handle) {
    const tasker_handler handler = {BENCH_CALLABLE, noop, NULL};
    const tasker_worker_options options = {
        .size = sizeof(options), .handlers = &handler, .handler_count = 1, .threads = 1};
    tasker_error error = {0};
    if (tasker_worker_open(handle, &options, &w->worker, &error) != TASKER_OK) {
        bench_fail("worker", &error);
    }
}

void bench_worker_start(bench_worker *w) {
    tasker_error error = {0};
    if (tasker_worker_start(w->worker, &error) != TASKER_OK ||
        pthread_create(&w->thread, NULL, run, w->worker) != 0) {
        bench_fail("worker", &error);
    }
}

void bench_worker_wait(bench_worker *w, uint64_t succeeded) {
    tasker_worker_stats stats = {.size = sizeof(stats)};
    for (;;) {
        tasker_worker_stats_read(w->worker, &stats);
        if (stats.succeeded >= succeeded) {
            return;
        }
        if (stats.failed > 0 || stats.refused > 0 || stats.turns_failed > 0) {
            bench_fail("worker: a step or a turn failed", NULL);
        }
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
}

void bench_worker_close(bench_worker *w) {
    tasker_error error = {0};
    if (tasker_worker_stop(w->worker, 5000, &error) != TASKER_OK) {
        bench_fail("stop", &error);
    }
    pthread_join(w->thread, NULL);
    tasker_worker_close(w->worker);
}

/* --- answers ---------------------------------------------------------------------------------- */

static int compare_us(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void bench_print_latencies(int64_t *samples_us, size_t count) {
    qsort(samples_us, count, sizeof(*samples_us), compare_us);
    printf("{\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", (double)samples_us[count / 2] / 1e3,
           (double)samples_us[count * 99 / 100] / 1e3);
}
