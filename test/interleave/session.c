/*
 * session.c - see session.h.
 */
#include "interleave/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "interleave/mutants.h"
#include "store_postgres.h"

#define WAIT_MS 20000 /* for anything; a scenario takes a second */
#define LOOK_US 2000

_Noreturn void expectation_failed(const char *file, int line, const char *condition,
                                  const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("        invariant: ");
    vprintf(format, arguments);
    printf("\n        %s:%d: %s\n", file, line, condition);
    va_end(arguments);
    fflush(stdout);
    _exit(1);
}

static void log_nothing(void *user, tasker_log_level level, const char *line) {
    (void)user;
    (void)level;
    if (getenv("TRACE") != NULL) {
        fprintf(stderr, "          %s\n", line);
    }
}

/* --- clocks ----------------------------------------------------------------------------------- */

static int64_t session_now(void *user) {
    const session *s = user;
    return tk_clock_now(&tk_clock_system) + s->offset_us + s->skew_us;
}

static int64_t session_monotonic(void *user) {
    const session *s = user;
    return tk_clock_monotonic(&tk_clock_system) + s->offset_us;
}

void pass(session *s, int64_t us) {
    s->offset_us += us;
}

static void look_again(void) {
    nanosleep(&(struct timespec){.tv_nsec = LOOK_US * 1000L}, NULL);
}

/* --- the world -------------------------------------------------------------------------------- */

static void eye_command(world *w, const char *sql) {
    PGresult *result = PQexec(w->eye, sql);
    ExecStatusType status = PQresultStatus(result);
    EXPECT(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s: %s", sql,
           PQerrorMessage(w->eye));
    PQclear(result);
}

int64_t world_number(world *w, const char *sql) {
    char text[2048] = "";
    char id[TASKER_UUID_SIZE];
    tk_uuid_format(&w->task, id);
    for (const char *at = sql; *at != '\0'; at++) {
        size_t size = strlen(text);
        if (at[0] == '$' && at[1] == 'T') {
            (void)snprintf(text + size, sizeof(text) - size, "'%s'::uuid", id);
            at++;
        } else {
            (void)snprintf(text + size, sizeof(text) - size, "%c", *at);
        }
    }
    PGresult *result = PQexec(w->eye, text);
    EXPECT(PQresultStatus(result) == PGRES_TUPLES_OK, "%s: %s", text, PQerrorMessage(w->eye));
    int64_t number = PQntuples(result) == 1 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1;
    PQclear(result);
    return number;
}

void world_open(world *w, const char *yaml) {
    static tk_random_stream stream;
    *w = (world){.log = {log_nothing, NULL}};
    w->random = tk_random_seeded(&stream, (uint64_t)getpid());
    EXPECT(tk_libpq_load(NULL) == TASKER_OK, "libpq is missing");
    w->eye = PQconnectdb(getenv("TASKER_TEST_POSTGRES"));
    EXPECT(PQstatus(w->eye) == CONNECTION_OK, "%s", PQerrorMessage(w->eye));
    eye_command(w, "SET client_min_messages = error; DROP SCHEMA IF EXISTS tasker CASCADE");
    EXPECT(tk_catalog_open(&w->catalog, NULL) == TASKER_OK, "out of memory");
    w->first = session_open(w, "first");
    eye_command(w, "SET search_path = tasker");
    tk_buf report = {0};
    bool valid = false;
    EXPECT(tk_register(&w->first->engine, tk_str_of(yaml), "job.yaml", &report, &valid,
                       &w->first->error) == TASKER_OK &&
               valid,
           "%s %s", w->first->error.message, report.data);
    tk_buf_release(&report);
}

static void session_close(session *s) {
    EXPECT(s->state != RUNNING && s->state != HALTED, "%s has not ended", s->name);
    EXPECT(s->plan.misuse == 0, "%s: a call behind an error", s->name);
    tk_worker_close(s->worker);
    tk_store_close(s->engine.store);
    tk_fault_plan_release(&s->plan);
    tk_free(s);
}

void world_close(world *w) {
    tk_check check = {.count = 0};
    EXPECT(tk_check_store(&w->first->engine, false, &check, &w->first->error) == TASKER_OK, "%s",
           w->first->error.message);
    EXPECT(check.count == 0, "%s: %s", check.problems[0].rule, check.problems[0].detail);
    tk_check_release(&check);
    for (uint32_t i = 0; i < w->session_count; i++) {
        session_close(w->sessions[i]);
    }
    tk_catalog_close(&w->catalog);
    PQfinish(w->eye);
}

tk_uuid world_submit(world *w, const char *members) {
    char request[512];
    (void)snprintf(request, sizeof(request),
                   "{\"name\":\"job\",\"namespace\":\"test\",\"context\":{}%s%s}",
                   members == NULL ? "" : ",", members == NULL ? "" : members);
    w->first->request = request;
    EXPECT(submit(w->first) == TASKER_OK, "%s", w->first->error.message);
    w->task = w->first->task;
    for (uint32_t i = 0; i < w->session_count; i++) {
        w->sessions[i]->task = w->task;
    }
    return w->task;
}

/* --- sessions --------------------------------------------------------------------------------- */

static void halt(session *s, tk_store_operation operation) {
    if (operation != TK_STORE_OP_begin) { /* what was only sent along has to be done first */
        (void)tk_store_call(s->inner, sync, NULL);
    }
    pthread_mutex_lock(&s->mutex);
    s->halt_at = -1;
    s->state = HALTED;
    pthread_cond_broadcast(&s->changed);
    while (s->state == HALTED) {
        pthread_cond_wait(&s->changed, &s->mutex);
    }
    pthread_mutex_unlock(&s->mutex);
}

static bool is_writing(tk_store_operation operation) {
    static const char *const words[] = {"_insert", "_update", "_delete", "_clear",
                                        "_return", "_beat",   "claim",   "finish",
                                        "_add",    "_revoke", "advance"};
    for (size_t i = 0; i < TK_COUNT_OF(words); i++) {
        if (strstr(tk_store_operation_name(operation), words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static tk_fault_kind decide(void *user, tk_store_operation operation, uint64_t number) {
    session *s = user;
    (void)number;
    bool ends = operation == TK_STORE_OP_commit;
    s->writes = operation != TK_STORE_OP_begin && (s->writes || is_writing(operation));
    if (s->halt_at == (int)operation && (s->writes || !ends)) {
        halt(s, operation);
    }
    bool lost = s->lose_answer && ends && s->writes;
    s->lose_answer = s->lose_answer && !lost;
    return lost ? TK_FAULT_AFTER : TK_FAULT_NONE;
}

static int session_pid(session *s) {
    return PQbackendPID(tk_pg_of(s->inner)->connection);
}

session *session_open(world *w, const char *name) {
    session *s = tk_alloc(sizeof(*s));
    EXPECT(s != NULL && w->session_count < SESSIONS_MAX, "no room");
    w->sessions[w->session_count++] = s;
    s->name = name;
    s->world = w;
    s->halt_at = -1;
    s->task = w->task;
    s->clock = (tk_clock){session_now, session_monotonic, s};
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
    tk_fault_plan_init(&s->plan);
    s->plan.decide = decide;
    s->plan.user = s;
    const tk_store_config config = {
        .url = getenv("TASKER_STORE"), .clock = &s->clock, .log = &w->log};
    tk_store *store = NULL;
    EXPECT(tk_store_open(&config, &s->inner, &s->error) == TASKER_OK &&
               tk_fault_store_wrap(s->inner, &s->plan, &store, &s->error) == TASKER_OK,
           "%s", s->error.message);
    mutants_plant(s->inner, &s->plan);
    s->engine = (tk_engine){.store = store,
                            .clock = &s->clock,
                            .random = &w->random,
                            .log = &w->log,
                            .environment = "test",
                            .catalog = &w->catalog};
    return s;
}

session *session_worker(world *w, const char *name, const char *handlers, uint32_t threads) {
    session *s = session_open(w, name);
    tk_str names[8];
    const tk_worker_setup setup = {.handlers = names,
                                   .handler_count = (uint32_t)strlen(handlers),
                                   .name = tk_str_of(name),
                                   .threads = threads};
    for (uint32_t i = 0; i < setup.handler_count; i++) {
        names[i] = (tk_str){handlers + i, 1};
    }
    EXPECT(tk_worker_open(&s->engine, &setup, &s->worker, &s->error) == TASKER_OK, "%s",
           s->error.message);
    return s;
}

static void *session_main(void *argument) {
    session *s = argument;
    s->error = (tasker_error){0};
    tasker_status status = s->verb(s);
    pthread_mutex_lock(&s->mutex);
    s->status = status;
    s->state = ENDED;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

void begin(session *s, session_verb verb) {
    EXPECT(s->state == IDLE, "%s does something already", s->name);
    s->state = RUNNING;
    s->verb = verb;
    s->pid = session_pid(s);
    EXPECT(pthread_create(&s->thread, NULL, session_main, s) == 0, "no thread");
}

/* Waits until it is no longer RUNNING. */
static session_state settled(session *s) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_MS / 1000;
    pthread_mutex_lock(&s->mutex);
    int late = 0;
    while (s->state == RUNNING && late == 0) {
        late = pthread_cond_timedwait(&s->changed, &s->mutex, &until);
    }
    session_state state = s->state;
    pthread_mutex_unlock(&s->mutex);
    EXPECT(late == 0, "%s neither ends nor comes to its halt", s->name);
    return state;
}

void halt_before(session *s, session_verb verb, tk_store_operation operation) {
    s->halt_at = (int)operation;
    begin(s, verb);
    EXPECT(settled(s) == HALTED, "%s ended before %s: %s", s->name,
           tk_store_operation_name(operation), s->error.message);
}

void go_on(session *s) {
    pthread_mutex_lock(&s->mutex);
    EXPECT(s->state == HALTED, "%s is not halted", s->name);
    s->state = RUNNING;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

bool waits(session *s) {
    char sql[160];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM pg_stat_activity WHERE pid = %d"
                   " AND wait_event_type = 'Lock'",
                   s->pid);
    for (int64_t waited_us = 0; waited_us < WAIT_MS * 1000; waited_us += LOOK_US) {
        if (world_number(s->world, sql) == 1) {
            return true;
        }
        pthread_mutex_lock(&s->mutex);
        bool running = s->state == RUNNING;
        pthread_mutex_unlock(&s->mutex);
        if (!running) {
            return false;
        }
        look_again();
    }
    return false;
}

tasker_status ends(session *s) {
    EXPECT(settled(s) == ENDED, "%s is halted", s->name);
    pthread_join(s->thread, NULL);
    s->state = IDLE;
    return s->status;
}

tasker_status run(session *s, session_verb verb) {
    begin(s, verb);
    return ends(s);
}

/* --- verbs ------------------------------------------------------------------------------------ */

tasker_status turn(session *s) {
    __atomic_store_n(&s->worker->look, true, __ATOMIC_RELEASE);
    return tk_turn(s->worker, &s->error);
}

tasker_status cancel(session *s) {
    return tk_task_cancel(&s->engine, &s->task, NULL, &s->error);
}

tasker_status submit(session *s) {
    tk_buf answer = {0};
    tasker_status status = tk_submit(&s->engine, tk_str_of(s->request), &answer, &s->error);
    if (status == TASKER_OK) {
        const char *at = strstr(answer.data, "\"task_uuid\":\"");
        EXPECT(at != NULL && tk_uuid_parse((tk_str){at + 13, 36}, &s->task), "%s", answer.data);
    }
    tk_buf_release(&answer);
    return status;
}

tasker_status retry(session *s) {
    return tk_step_retry(&s->engine, &s->step, NULL, &s->error);
}

tasker_status resolve(session *s) {
    return tk_step_by_hand(&s->engine, &s->step, TK_OUTCOME_RESOLVED, TK_STR("1"), NULL, &s->error);
}

tasker_status recover(session *s) {
    bool done = false;
    tasker_status status = tk_recover(&s->engine, s->other, s->other_beat, &done, &s->error);
    return status == TASKER_OK && !done ? TASKER_CONFLICT : status;
}

/* --- a worker's host -------------------------------------------------------------------------- */

tasker_step *take(session *s, const char *step) {
    tasker_step *taken = NULL;
    EXPECT(tk_worker_next(s->worker, 0, &taken, &s->error) == TASKER_OK, "%s has no step: %s",
           s->name, s->error.message);
    EXPECT(strcmp(taken->step_name, step) == 0, "%s has %s", s->name, taken->step_name);
    return taken;
}

bool has_nothing(session *s) {
    tasker_step *taken = NULL;
    return tk_worker_next(s->worker, 0, &taken, NULL) != TASKER_OK;
}

static void complete(session *s, tasker_step *step, const tasker_outcome *outcome) {
    (void)tk_worker_complete(s->worker, step->event_id, outcome, &s->error);
    tasker_step_free(step);
}

void finish(session *s, tasker_step *step) {
    const tasker_outcome outcome = {.ok = true, .result = TK_STR("1"), .retry_after_ms = -1};
    complete(s, step, &outcome);
}

void finish_all(session *s) {
    tasker_step *taken = NULL;
    while (tk_worker_next(s->worker, 0, &taken, NULL) == TASKER_OK) {
        finish(s, taken);
    }
}

void release(session *s, tasker_step *step) {
    (void)tk_worker_release(s->worker, step->event_id, false, &s->error);
    tasker_step_free(step);
}

void fail(session *s, tasker_step *step) {
    const tasker_outcome outcome = {.retryable = true,
                                    .retry_after_ms = -1,
                                    .error_message = TK_STR("no"),
                                    .error_class = TK_STR("No")};
    complete(s, step, &outcome);
}
