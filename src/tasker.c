/*
 * tasker.c - the public face of a handle: tasker.h's functions over the verbs.
 *
 * It checks what a caller may get wrong (a forked child, a malformed id), and hands texts out.
 */
#include <stdlib.h>
#include <unistd.h>

#include "handle.h"
#include "template_outline.h"

#define WAIT_LOOK_MS 25 /* between looks at a task that another process works on */

tasker_status tk_handle_usable(pid_t opener, tasker_error *error) {
    return opener == tk_process_id()
               ? TASKER_OK
               : tk_fail(error, TASKER_FORKED,
                         "the handle was opened before this process was forked: open a new one");
}

/* --- its workers, for submissions --- */

void tk_handle_wake(tasker *handle) {
    pthread_mutex_lock(&handle->mutex);
    for (tasker_worker *w = handle->workers; w != NULL; w = w->next) {
        if (!w->poll_only) {
            tk_pump_wake(w);
        }
    }
    pthread_mutex_unlock(&handle->mutex);
}

static void wake_nearby(void *handle) {
    tk_handle_wake(handle);
}

/* A worker that sleeps can store it right away; which one does not matter. */
static bool place_nearby(tasker *handle, tk_offer *offer) {
    bool placed = false;
    pthread_mutex_lock(&handle->mutex);
    for (tasker_worker *w = handle->workers; w != NULL && !placed; w = w->next) {
        placed = !w->poll_only && tk_offer_place(w->core, offer);
        if (placed) {
            tk_pump_wake(w);
        }
    }
    pthread_mutex_unlock(&handle->mutex);
    return placed;
}

static bool store_nearby(void *handle, tk_submission *submission, bool *left) {
    tk_offer offer;
    if (tk_offer_open(&offer, submission, NULL) != TASKER_OK) {
        return false;
    }
    tk_offer_state state = place_nearby(handle, &offer) ? tk_offer_wait(&offer) : TK_OFFER_REFUSED;
    tk_offer_close(&offer);
    *left = state != TK_OFFER_TAKEN;
    return state != TK_OFFER_REFUSED;
}

/* --- open, close --- */

static tasker_status set_environment(tasker *handle, const char *environment, tasker_error *error) {
    if (environment == NULL) {
        environment = getenv("TASKER_ENV");
    }
    if (environment == NULL || environment[0] == '\0') {
        environment = "development";
    }
    if (strlen(environment) > TASKER_NAME_BYTES_MAX) {
        return tk_fail(error, TASKER_INVALID, "the environment's name is longer than %d bytes",
                       TASKER_NAME_BYTES_MAX);
    }
    memcpy(handle->environment, environment, strlen(environment) + 1);
    return TASKER_OK;
}

static tasker_status open_store(tasker *handle, const char *url, const tasker_options *options,
                                tasker_error *error) {
    tk_store_config config = {
        .url = url,
        .read_only = options != NULL && options->read_only,
        .must_exist = options != NULL && (options->must_exist || options->read_only),
        .migrate = options != NULL && options->migrate,
        .clock = &tk_clock_system,
        .log = &handle->log,
    };
    return tk_store_open(&config, &handle->engine.store, error);
}

/* All of them, or none. */
static tasker_status open_parts(tasker *handle, tasker_error *error) {
    tasker_status status = tk_catalog_open(&handle->catalog, error);
    if (status != TASKER_OK) {
        return status;
    }
    status = tk_signal_open(&handle->signal, error);
    if (status != TASKER_OK) {
        tk_catalog_close(&handle->catalog);
        return status;
    }
    if (pthread_mutex_init(&handle->mutex, NULL) != 0) {
        tk_signal_close(&handle->signal);
        tk_catalog_close(&handle->catalog);
        return tk_nomem(error);
    }
    return TASKER_OK;
}

tasker_status tasker_open(const char *url, const tasker_options *options, tasker **handle,
                          tasker_error *error) {
    *handle = NULL;
    if (url == NULL || (options != NULL && options->size < sizeof(*options))) {
        return tk_fail(error, TASKER_INVALID, "a store's URL is expected, as sqlite:tasker.db");
    }
    tasker *made = tk_alloc(sizeof(*made));
    if (made == NULL) {
        return tk_nomem(error);
    }
    made->opener = tk_process_id();
    made->log =
        (tk_log){options != NULL ? options->log : NULL, options != NULL ? options->log_user : NULL};
    made->engine = (tk_engine){
        .clock = &tk_clock_system,
        .random = &tk_random_system,
        .log = &made->log,
        .environment = made->environment,
        .catalog = &made->catalog,
        .signal = &made->signal,
        .nearby = &made->nearby,
    };
    made->nearby = (tk_nearby){store_nearby, wake_nearby, made};
    tasker_status status = open_parts(made, error);
    if (status != TASKER_OK) {
        tk_free(made);
        return status;
    }
    status = set_environment(made, options != NULL ? options->environment : NULL, error);
    if (status == TASKER_OK) {
        status = open_store(made, url, options, error);
    }
    if (status != TASKER_OK) {
        tasker_close(made);
        return status;
    }
    *handle = made;
    return TASKER_OK;
}

void tasker_close(tasker *handle) {
    if (handle == NULL) {
        return;
    }
    tk_store_close(handle->engine.store); /* which only forgets in a forked child */
    if (handle->opener != tk_process_id()) {
        return;
    }
    tk_catalog_close(&handle->catalog);
    tk_signal_close(&handle->signal);
    pthread_mutex_destroy(&handle->mutex);
    tk_free(handle);
}

tasker_status tk_hand_out(tasker_status status, tk_buf *buf, tasker_text *text,
                          tasker_error *error) {
    if (status == TASKER_OK && text != NULL) {
        return tk_buf_finish(buf, text, error);
    }
    tk_buf_release(buf);
    return status;
}

static void empty(tasker_text *text) {
    if (text != NULL) {
        *text = (tasker_text){NULL, 0};
    }
}

/* --- templates --- */

tasker_status tasker_template_check(tasker_bytes yaml, const char *name, const char *environment,
                                    tasker_text *report, tasker_error *error) {
    tk_findings findings = {0};
    tk_buf spec = {0};
    tk_buf buf = {0};
    empty(report);
    tasker_status status = tk_template_from_yaml(
        yaml, environment != NULL ? environment : "development", &findings, &spec, error);
    if (status == TASKER_OK) {
        tk_template_report(&buf, name, tk_buf_view(&spec), &findings);
    }
    tk_findings_release(&findings);
    tk_buf_release(&spec);
    return tk_hand_out(status, &buf, report, error);
}

tasker_status tasker_template_put(tasker *handle, tasker_bytes yaml, const char *name,
                                  tasker_text *report, tasker_error *error) {
    empty(report);
    tasker_status status = tk_handle_usable(handle->opener, error);
    tk_buf buf = {0};
    if (status == TASKER_OK) {
        bool valid = false;
        status =
            tk_register(&handle->engine, yaml, name, report != NULL ? &buf : NULL, &valid, error);
    }
    return tk_hand_out(status, &buf, report, error);
}

tasker_status tasker_template_put_directory(tasker *handle, const char *path, tasker_text *report,
                                            tasker_error *error) {
    empty(report);
    tasker_status status = tk_handle_usable(handle->opener, error);
    tk_buf buf = {0};
    if (status == TASKER_OK) {
        status = tk_register_directory(&handle->engine, path, &buf, error);
    }
    return tk_hand_out(status, &buf, report, error);
}

tasker_status tasker_template_outline(const char *path, tasker_text *outline, tasker_error *error) {
    tk_buf buf = {0};
    empty(outline);
    return tk_hand_out(tk_template_outline(path, &buf, error), &buf, outline, error);
}

/* --- tasks --- */

tasker_status tasker_submit(tasker *handle, tasker_bytes request, tasker_text *answer,
                            tasker_error *error) {
    empty(answer);
    tasker_status status = tk_handle_usable(handle->opener, error);
    tk_buf buf = {0};
    if (status == TASKER_OK) {
        status = tk_submit(&handle->engine, request, &buf, error);
    }
    return tk_hand_out(status, &buf, answer, error);
}

tasker_status tasker_submit_plan(tasker *handle, tasker_bytes request, tasker_bytes found,
                                 tasker_text *plan, tasker_error *error) {
    empty(plan);
    tasker_status status = tk_handle_usable(handle->opener, error);
    tk_buf buf = {0};
    if (status == TASKER_OK) {
        status = tk_submit_plan(&handle->engine, request, found, &buf, error);
    }
    return tk_hand_out(status, &buf, plan, error);
}

static tasker_status parse_id(const char *text, const char *what, tk_uuid *id,
                              tasker_error *error) {
    if (text == NULL || !tk_uuid_parse(tk_str_of(text), id)) {
        return tk_fail(error, TASKER_INVALID, "the UUID of a %s is expected", what);
    }
    return TASKER_OK;
}

/* A task's id; of a step's id the task's. */
static tasker_status parse_task(tasker *handle, const char *text, tk_uuid *id,
                                tasker_error *error) {
    tasker_status status = tk_handle_usable(handle->opener, error);
    if (status == TASKER_OK) {
        status = parse_id(text, "task", id, error);
    }
    uint32_t step = 0;
    if (status == TASKER_OK && tk_uuid_step_split(id, id, &step)) {
        status =
            tk_fail(error, TASKER_INVALID, "this is a step's id: the id of a task is expected");
    }
    return status;
}

static tasker_status parse_step(tasker *handle, const char *text, tk_uuid *id,
                                tasker_error *error) {
    tasker_status status = tk_handle_usable(handle->opener, error);
    return status == TASKER_OK ? parse_id(text, "step", id, error) : status;
}

static tasker_status look_at(tasker *handle, const tk_uuid *id, tk_buf *buf, bool *resting,
                             tasker_error *error) {
    tk_arena arena = {0};
    tk_engine *engine = &handle->engine;
    tk_buf_truncate(buf, 0);
    tasker_status status = tk_store_call(engine->store, begin, TK_STORE_READ, error);
    if (status == TASKER_OK) {
        status = tk_query_task(engine, &arena, id, buf, resting, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, commit, error);
    }
    if (status != TASKER_OK) {
        engine->store->driver->rollback(engine->store);
    }
    tk_arena_release(&arena);
    return status;
}

/* Has it come to rest? Reads one narrow row. */
static tasker_status peek(tasker *handle, const tk_uuid *id, bool *resting, tasker_error *error) {
    tk_arena arena = {0};
    tk_store *store = handle->engine.store;
    tk_state_row state = {0};
    bool found = false;
    tasker_status status = tk_store_call(store, begin, TK_STORE_READ, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, state_load, &arena, id, 1, &state, &found, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, commit, error);
    }
    if (status != TASKER_OK) {
        store->driver->rollback(store);
    } else if (!found) {
        status = tk_fail(error, TASKER_NOTFOUND, "there is no such task");
    }
    *resting = found && tk_task_mark_resting(state.state);
    tk_arena_release(&arena);
    return status;
}

static tasker_status wait_for(tasker *handle, const tk_uuid *id, int64_t timeout_ms, bool *resting,
                              tasker_error *error) {
    const tk_clock *clock = handle->engine.clock;
    timeout_ms = timeout_ms < INT64_MAX / 4000 ? timeout_ms : -1; /* beyond any clock: for ever */
    int64_t until_us = tk_clock_monotonic(clock) + (timeout_ms > 0 ? timeout_ms : 0) * 1000;
    uint64_t seen = tk_signal_wait(&handle->signal, 0, 0);
    for (;;) {
        tasker_status status = peek(handle, id, resting, error);
        if (status != TASKER_OK || *resting) {
            return status;
        }
        int64_t left_ms = (until_us - tk_clock_monotonic(clock) + 999) / 1000;
        if (timeout_ms >= 0 && left_ms <= 0) {
            return TASKER_OK;
        }
        int64_t wait_ms = timeout_ms >= 0 && left_ms < WAIT_LOOK_MS ? left_ms : WAIT_LOOK_MS;
        seen = tk_signal_wait(&handle->signal, seen, wait_ms);
    }
}

tasker_status tasker_task_wait(tasker *handle, const char *task_uuid, int64_t timeout_ms,
                               tasker_text *task, tasker_error *error) {
    empty(task);
    tk_uuid id;
    tasker_status status = parse_task(handle, task_uuid, &id, error);
    bool resting = false;
    if (status == TASKER_OK) {
        status = wait_for(handle, &id, timeout_ms, &resting, error);
    }
    tk_buf buf = {0};
    if (status == TASKER_OK) {
        status = look_at(handle, &id, &buf, &resting, error);
    }
    status = tk_hand_out(status, &buf, task, error);
    if (status == TASKER_OK && !resting) {
        return tk_fail(error, TASKER_TIMEOUT, "the task does not rest yet");
    }
    return status;
}

tasker_status tasker_task_cancel(tasker *handle, const char *task_uuid, const tasker_act *act,
                                 tasker_error *error) {
    tk_uuid id;
    tasker_status status = parse_task(handle, task_uuid, &id, error);
    return status == TASKER_OK ? tk_task_cancel(&handle->engine, &id, act, error) : status;
}

tasker_status tasker_task_resolve(tasker *handle, const char *task_uuid, const tasker_act *act,
                                  tasker_error *error) {
    tk_uuid id;
    tasker_status status = parse_task(handle, task_uuid, &id, error);
    return status == TASKER_OK ? tk_task_resolve(&handle->engine, &id, act, error) : status;
}

tasker_status tasker_task_fail(tasker *handle, const char *task_uuid, const tasker_act *act,
                               tasker_error *error) {
    tk_uuid id;
    tasker_status status = parse_task(handle, task_uuid, &id, error);
    return status == TASKER_OK ? tk_task_fail(&handle->engine, &id, act, error) : status;
}

tasker_status tasker_task_retry(tasker *handle, const char *task_uuid, const tasker_act *act,
                                tasker_error *error) {
    tk_uuid id;
    tasker_status status = parse_task(handle, task_uuid, &id, error);
    if (status == TASKER_OK) {
        status = tk_task_retry(&handle->engine, &id, act, error);
    }
    if (status == TASKER_OK) {
        tk_handle_wake(handle);
    }
    return status;
}

tasker_status tasker_task_rerun(tasker *handle, const char *task_uuid, tasker_bytes context,
                                const tasker_act *act, tasker_text *answer, tasker_error *error) {
    tk_uuid id;
    tk_buf buf = {0};
    empty(answer);
    tasker_status status = parse_task(handle, task_uuid, &id, error);
    if (status == TASKER_OK) {
        status = tk_task_rerun(&handle->engine, &id, context, act, &buf, error);
    }
    return tk_hand_out(status, &buf, answer, error);
}

tasker_status tasker_step_retry(tasker *handle, const char *step_uuid, const tasker_act *act,
                                tasker_error *error) {
    tk_uuid id;
    tasker_status status = parse_step(handle, step_uuid, &id, error);
    if (status == TASKER_OK) {
        status = tk_step_retry(&handle->engine, &id, act, error);
    }
    if (status == TASKER_OK) {
        tk_handle_wake(handle);
    }
    return status;
}

static tasker_status by_hand(tasker *handle, const char *step_uuid, int32_t kind,
                             tasker_bytes result, const tasker_act *act, tasker_error *error) {
    tk_uuid id;
    tk_json json = {.kind = TK_JSON_NONE};
    tasker_status status = parse_step(handle, step_uuid, &id, error);
    if (status == TASKER_OK && result.size > 0) {
        status = tk_json_parse(result, TASKER_RESULT_BYTES_MAX, &json, error);
    }
    if (status == TASKER_OK) {
        status = tk_step_by_hand(&handle->engine, &id, kind, json.text, act, error);
    }
    if (status == TASKER_OK) {
        tk_handle_wake(handle);
    }
    return status;
}

tasker_status tasker_step_resolve(tasker *handle, const char *step_uuid, tasker_bytes result,
                                  const tasker_act *act, tasker_error *error) {
    return by_hand(handle, step_uuid, TK_OUTCOME_RESOLVED, result, act, error);
}

tasker_status tasker_step_complete(tasker *handle, const char *step_uuid, tasker_bytes result,
                                   const tasker_act *act, tasker_error *error) {
    return by_hand(handle, step_uuid, TK_OUTCOME_COMPLETED, result, act, error);
}

/* --- reading --- */

tasker_status tasker_query(tasker *handle, tasker_query_kind kind, tasker_bytes filter,
                           tasker_text *answer, tasker_error *error) {
    empty(answer);
    tasker_status status = tk_handle_usable(handle->opener, error);
    tk_buf buf = {0};
    if (status == TASKER_OK) {
        status =
            tk_query(&handle->engine, kind, filter.size > 0 ? filter : TK_STR("{}"), &buf, error);
    }
    return tk_hand_out(status, &buf, answer, error);
}

static void write_problem(tk_buf *buf, const tk_problem *problem) {
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "rule", tk_str_of(problem->rule));
    if (problem->has_task) {
        char id[TASKER_UUID_SIZE];
        tk_uuid_format(&problem->task, id);
        tk_json_write_member_string(buf, "task_uuid", tk_str_of(id));
    } else {
        tk_json_write_member_null(buf, "task_uuid");
    }
    tk_json_write_member_string(buf, "detail", tk_str_of(problem->detail));
    tk_buf_char(buf, '}');
}

tasker_status tasker_store_check(tasker *handle, tasker_text *report, tasker_error *error) {
    empty(report);
    tasker_status status = tk_handle_usable(handle->opener, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_check check = {.count = 0};
    tk_buf buf = {0};
    status = tk_check_store(&handle->engine, false, &check, error);
    if (status == TASKER_OK) {
        tk_buf_char(&buf, '{');
        tk_json_write_member_bool(&buf, "ok", check.count == 0);
        tk_json_write_member_int(&buf, "tasks", (int64_t)check.tasks);
        tk_json_write_member_int(&buf, "attempts", (int64_t)check.attempts);
        tk_json_write_name(&buf, "problems");
        tk_buf_char(&buf, '[');
        for (uint32_t i = 0; i < check.count; i++) {
            tk_json_write_comma(&buf);
            write_problem(&buf, &check.problems[i]);
        }
        tk_buf_text(&buf, "]}");
    }
    tk_check_release(&check);
    return tk_hand_out(status, &buf, report, error);
}

tasker_status tasker_store_backup(tasker *handle, const char *path, tasker_progress_fn copied,
                                  void *user, tasker_text *report, tasker_error *error) {
    empty(report);
    tasker_status status = tk_handle_usable(handle->opener, error);
    if (status == TASKER_OK && path == NULL) {
        status = tk_fail(error, TASKER_INVALID, "the name of a new file is expected");
    }
    tk_store *store = handle->engine.store;
    int64_t bytes = 0;
    if (status == TASKER_OK) {
        status = store->driver->backup(store, path, copied, user, &bytes, error);
    }
    tk_buf buf = {0};
    if (status == TASKER_OK) {
        tk_buf_char(&buf, '{');
        tk_json_write_member_string(&buf, "path", tk_str_of(path));
        tk_json_write_member_int(&buf, "bytes", bytes);
        tk_buf_char(&buf, '}');
    }
    return tk_hand_out(status, &buf, report, error);
}
