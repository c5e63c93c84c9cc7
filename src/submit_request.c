/*
 * submit_request.c - reads the request of a submission and holds it against its template. Pure.
 *
 *   JSON ── tk_request_read ──► tk_request ── tk_request_check (template) ──► submit.c
 *
 * Members that nobody knows are ignored, as the original does; `null` is as good as absent.
 */
#include <stdlib.h>

#include "schema.h"
#include "submit.h"

typedef struct reader {
    tk_submission *submission;
    tk_request *request;
    tk_json json;
    tasker_error *error;
} reader;

void tk_request_path(const tk_submission *submission, uint32_t index, const char *member,
                     char path[TASKER_PATH_MAX]) {
    tk_buf buf = {0};
    tk_buf_text(&buf, "$");
    if (submission->array) {
        tk_buf_printf(&buf, "[%" PRIu32 "]", index);
    }
    if (member[0] != '\0') {
        tk_buf_printf(&buf, ".%s", member);
    }
    size_t size = buf.size < TASKER_PATH_MAX ? buf.size : TASKER_PATH_MAX - 1;
    memcpy(path, buf.failed ? "" : buf.data, buf.failed ? 0 : size);
    path[buf.failed ? 0 : size] = '\0';
    tk_buf_release(&buf);
}

static tasker_status wrong(reader *r, const char *member, const char *expected) {
    char path[TASKER_PATH_MAX];
    tk_request_path(r->submission, r->request->index, member, path);
    return tk_fail_at(r->error, TASKER_INVALID, path, "%s: %s", member, expected);
}

/* A member that is there and not null. */
static tk_json given(const reader *r, const char *member) {
    tk_json value = tk_json_member(r->json, member);
    return value.kind == TK_JSON_NULL ? (tk_json){.kind = TK_JSON_NONE} : value;
}

static tasker_status read_text(reader *r, const char *member, size_t bytes_max, bool required,
                               tk_str *text) {
    tk_json value = given(r, member);
    if (value.kind == TK_JSON_NONE && !required) {
        return TASKER_OK;
    }
    if (value.kind != TK_JSON_STRING) {
        return wrong(r, member,
                     required ? "a text that is not empty is expected" : "a text is expected");
    }
    if (!tk_json_string(&r->submission->arena, value, text)) {
        return tk_nomem(r->error);
    }
    if (required && text->size == 0) {
        return wrong(r, member, "a text that is not empty is expected");
    }
    if (text->size > bytes_max) {
        return wrong(r, member, "the text is too long");
    }
    return TASKER_OK;
}

static tasker_status read_uuid(reader *r, const char *member, bool *has, tk_uuid *id) {
    tk_str text = {NULL, 0};
    tasker_status status = read_text(r, member, TASKER_UUID_SIZE, false, &text);
    if (status != TASKER_OK || text.data == NULL) {
        return status;
    }
    *has = tk_uuid_parse(text, id);
    return *has ? TASKER_OK : wrong(r, member, "a UUID is expected");
}

/* An array of short texts; *json is its canonical form, empty when there is none. */
static tasker_status read_texts(reader *r, const char *member, uint32_t count_max, size_t bytes_max,
                                tk_json *array, tk_str *json) {
    *array = given(r, member);
    if (array->kind == TK_JSON_NONE) {
        return TASKER_OK;
    }
    if (array->kind != TK_JSON_ARRAY) {
        return wrong(r, member, "an array of texts is expected");
    }
    if (tk_json_count(*array) > count_max) {
        return wrong(r, member, "there are too many");
    }
    tk_json_iterator it = tk_json_each(*array);
    while (tk_json_next(&it)) {
        tk_str one = {NULL, 0};
        if (it.value.kind != TK_JSON_STRING) {
            return wrong(r, member, "an array of texts is expected");
        }
        if (!tk_json_string(&r->submission->arena, it.value, &one)) {
            return tk_nomem(r->error);
        }
        if (one.size > bytes_max) {
            return wrong(r, member, "a text of at most 128 bytes is expected");
        }
    }
    if (it.index == 0 && tk_json_count(*array) == 0) {
        *array = (tk_json){.kind = TK_JSON_NONE};
        return TASKER_OK;
    }
    tk_buf buf = {0};
    tk_json_canonical(&buf, *array);
    bool kept = !buf.failed && tk_arena_str(&r->submission->arena, tk_buf_view(&buf), json);
    tk_buf_release(&buf);
    return kept ? TASKER_OK : tk_nomem(r->error);
}

static tasker_status read_priority(reader *r) {
    tk_json value = given(r, "priority");
    int64_t priority = 0;
    if (value.kind != TK_JSON_NONE && !tk_json_int(value, &priority)) {
        return wrong(r, "priority", "an integer is expected, -100 to 100");
    }
    priority = priority < -100 ? -100 : priority > 100 ? 100 : priority;
    r->request->row.priority = (int32_t)priority;
    return TASKER_OK;
}

/* `run_at` (RFC 3339) or `delay` (seconds); a time that has passed is now. */
static tasker_status read_time(reader *r, int64_t now_us) {
    tk_str text = {NULL, 0};
    tasker_status status = read_text(r, "run_at", 64, false, &text);
    if (status != TASKER_OK) {
        return status;
    }
    int64_t run_at_us = 0;
    if (text.data != NULL && !tk_time_parse(text, &run_at_us)) {
        return wrong(r, "run_at", "a time is expected, as 2026-01-31T12:00:00Z");
    }
    tk_json delay = given(r, "delay");
    if (delay.kind != TK_JSON_NONE) {
        double seconds = delay.kind == TK_JSON_NUMBER ? tk_json_double(delay) : -1;
        if (!(seconds >= 0 && seconds <= TK_DELAY_S_MAX)) {
            return wrong(r, "delay", "a number of seconds is expected, 0 or more");
        }
        if (text.data != NULL) {
            return wrong(r, "delay", "either run_at or delay is expected, not both");
        }
        run_at_us = now_us + (int64_t)(seconds * 1e6);
    }
    r->request->row.run_at_us = run_at_us > now_us ? run_at_us : 0;
    return TASKER_OK;
}

static tasker_status read_context(reader *r) {
    tk_json context = tk_json_member(r->json, "context");
    if (context.kind != TK_JSON_OBJECT) {
        return wrong(r, "context", "an object is expected");
    }
    if (context.text.size > TASKER_CONTEXT_BYTES_MAX) {
        return wrong(r, "context", "it is larger than 1048576 bytes");
    }
    r->request->context = context;
    r->request->row.context = context.text;
    return TASKER_OK;
}

static tasker_status read_one(reader *r, int64_t now_us) {
    tk_request *q = r->request;
    tk_json unused;
    if (r->json.kind != TK_JSON_OBJECT) {
        char path[TASKER_PATH_MAX];
        tk_request_path(r->submission, q->index, "", path);
        return tk_fail_at(r->error, TASKER_INVALID, path,
                          "a request is expected: an object with name, namespace and context");
    }
    q->row.created_us = now_us;
    tasker_status status = read_text(r, "name", TASKER_NAME_BYTES_MAX, true, &q->name);
    if (status == TASKER_OK) {
        status = read_text(r, "namespace", TASKER_NAME_BYTES_MAX, true, &q->namespace_name);
    }
    if (status == TASKER_OK) {
        status = read_text(r, "version", TASKER_NAME_BYTES_MAX, false, &q->version);
    }
    if (status == TASKER_OK) {
        status = read_context(r);
    }
    if (status == TASKER_OK) {
        status = read_text(r, "initiator", TK_FIELD_BYTES_MAX, false, &q->row.initiator);
    }
    if (status == TASKER_OK) {
        status = read_text(r, "source_system", TK_FIELD_BYTES_MAX, false, &q->row.source_system);
    }
    if (status == TASKER_OK) {
        status = read_text(r, "reason", TK_FIELD_BYTES_MAX, false, &q->row.reason);
    }
    if (status == TASKER_OK) {
        status = read_text(r, "idempotency_key", TK_KEY_BYTES_MAX, false, &q->idempotency_key);
    }
    if (status == TASKER_OK) {
        status = read_uuid(r, "correlation_id", &q->row.has_correlation, &q->row.correlation);
    }
    if (status == TASKER_OK) {
        status = read_uuid(r, "parent_correlation_id", &q->row.has_parent_correlation,
                           &q->row.parent_correlation);
    }
    if (status == TASKER_OK) {
        status = read_texts(r, "tags", TK_TAGS_MAX, TK_TAG_BYTES_MAX, &unused, &q->row.tags);
    }
    if (status == TASKER_OK) {
        status = read_texts(r, "bypass_steps", TASKER_STEPS_MAX, TASKER_NAME_BYTES_MAX, &q->bypass,
                            &q->row.bypass_steps);
    }
    if (status == TASKER_OK) {
        status = read_priority(r);
    }
    return status == TASKER_OK ? read_time(r, now_us) : status;
}

/* An array may hold many contexts; each is bounded on its own. */
#define REQUEST_BYTES_MAX ((size_t)64 * 1024 * 1024)

tasker_status tk_request_read(tk_str text, int64_t now_us, tk_submission *submission,
                              tasker_error *error) {
    tk_json json;
    tasker_status status = tk_json_parse(text, REQUEST_BYTES_MAX, &json, error);
    if (status != TASKER_OK) {
        return status;
    }
    submission->array = json.kind == TK_JSON_ARRAY;
    size_t count = submission->array ? tk_json_count(json) : 1;
    if (count > TASKER_SUBMIT_TASKS_MAX) {
        return tk_fail_at(error, TASKER_INVALID, "$", "%zu requests: at most %d are expected",
                          count, TASKER_SUBMIT_TASKS_MAX);
    }
    submission->items = tk_arena_array(&submission->arena, count, sizeof(*submission->items));
    if (submission->items == NULL) {
        return tk_nomem(error);
    }
    submission->count = (uint32_t)count;
    tk_json_iterator it = tk_json_each(json);
    for (uint32_t i = 0; i < submission->count; i++) {
        submission->items[i].index = i;
        reader r = {submission, &submission->items[i], json, error};
        if (submission->array && tk_json_next(&it)) {
            r.json = it.value;
        }
        status = read_one(&r, now_us);
        if (status != TASKER_OK) {
            return status;
        }
    }
    return TASKER_OK;
}

/* --- against the template --- */

static int compare_numbers(const void *a, const void *b) {
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static tasker_status check_bypass(reader *r) {
    tk_request *q = r->request;
    const tk_template *template = q->known->template;
    uint16_t *numbers =
        tk_arena_array(&r->submission->arena, tk_json_count(q->bypass) + 1, sizeof(*numbers));
    if (numbers == NULL) {
        return tk_nomem(r->error);
    }
    uint32_t count = 0;
    tk_json_iterator it = tk_json_each(q->bypass);
    while (tk_json_next(&it)) {
        tk_str name = {NULL, 0};
        if (!tk_json_string(&r->submission->arena, it.value, &name)) {
            return tk_nomem(r->error);
        }
        const tk_template_step *step = tk_template_find_step(template, name);
        if (step == NULL) {
            return wrong(r, "bypass_steps", "the template has no step of that name");
        }
        numbers[count++] = step->number;
    }
    qsort(numbers, count, sizeof(*numbers), compare_numbers);
    uint32_t unique = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (unique == 0 || numbers[unique - 1] != numbers[i]) {
            numbers[unique++] = numbers[i];
        }
    }
    q->bypassed = numbers;
    q->bypassed_count = unique;
    return TASKER_OK;
}

/* What makes a later request the same task (decision 16 of the contract). */
static tasker_status identify(reader *r) {
    tk_request *q = r->request;
    tk_identity identity = q->known->template->identity;
    tk_buf buf = {0};
    if (q->idempotency_key.size > 0) {
        tk_buf_text(&buf, TK_IDENTITY_GIVEN);
        tk_buf_str(&buf, q->idempotency_key);
    } else if (identity == TK_IDENTITY_CALLER_PROVIDED) {
        return wrong(r, "idempotency_key", "the template asks for one with every task");
    } else if (identity == TK_IDENTITY_STRICT) {
        tk_buf canonical = {0};
        tk_json_canonical(&canonical, q->context);
        tk_digest digest = tk_digest_of(tk_buf_view(&canonical));
        buf.failed = canonical.failed;
        tk_buf_release(&canonical);
        tk_buf_text(&buf, "s:");
        for (size_t i = 0; i < sizeof(digest.bytes); i++) {
            tk_buf_printf(&buf, "%02x", digest.bytes[i]);
        }
        q->identity_strict = true;
    }
    bool kept = !buf.failed && (buf.size == 0 || tk_arena_str(&r->submission->arena,
                                                              tk_buf_view(&buf), &q->identity));
    tk_buf_release(&buf);
    return kept ? TASKER_OK : tk_nomem(r->error);
}

tasker_status tk_request_check(tk_submission *submission, tk_request *request,
                               tasker_error *error) {
    reader r = {.submission = submission, .request = request, .error = error};
    const tk_template *template = request->known->template;
    if (template->step_present_count == 0) {
        return wrong(&r, "name", "the template has no steps: there is nothing to run");
    }
    request->row.template_id = request->known->id;
    tasker_status status = check_bypass(&r);
    if (status == TASKER_OK && template->input_schema.kind != TK_JSON_NONE) {
        char path[TASKER_PATH_MAX];
        tk_request_path(submission, request->index, "context", path);
        status = tk_schema_check(template->input_schema, request->context, path, error);
        if (status == TASKER_INVALID && error != NULL &&
            tk_redact_covers(&template->redact, error->path)) {
            memcpy(path, error->path, sizeof(path));
            status = tk_fail_at(error, status, path,
                                "the value breaks the template's input_schema; the template hides "
                                "what it is");
        }
    }
    return status == TASKER_OK ? identify(&r) : status;
}
