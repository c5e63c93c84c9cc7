/*
 * rb_event.c - a claimed step as the Hash that the event bridge takes.
 *
 *   tasker_worker_next ──► rb_worker.c ──► [rb_event.c] ──► EventBridge#publish_step_execution
 *
 * Small fields become Ruby objects here. Payloads (context, inputs, results, the definition) become
 * TaskerCore::Models::JsonText, which parses its text when a handler first asks for it.
 */
#include <time.h>

#include "rb_tasker.h"

/* The keys of all hashes, made once. */
/* clang-format off */
#define KEYS(X)                                                                                    \
    X(attempt) X(attempts) X(backoff_request_seconds) X(callable) X(context) X(created_at)         \
    X(dependency_results) X(error) X(event_id) X(fields) X(in_process) X(inputs)                   \
    X(last_attempted_at) X(max_attempts) X(metadata) X(name) X(named_step_uuid)                    \
    X(named_task_uuid) X(namespace_name) X(orchestration_metadata) X(priority) X(processed)        \
    X(processed_at) X(result) X(results) X(retryable) X(skippable) X(status) X(step_definition)    \
    X(step_uuid) X(success) X(task) X(task_name) X(task_sequence_step) X(task_uuid)                \
    X(task_version) X(timeout_ms) X(updated_at) X(workflow_step) X(workflow_step_uuid)
/* clang-format on */

static struct {
#define X(name) VALUE name;
    KEYS(X)
#undef X
} key;

static VALUE completed_text;
static VALUE json_text_class = Qnil;
static ID text_variable;

#define HASH_OF(pairs) hash_of((long)(sizeof(pairs) / sizeof((pairs)[0])), (pairs))

static VALUE hash_of(long count, const VALUE *pairs) {
    VALUE hash = rb_hash_new();
    rb_hash_bulk_insert(count, pairs, hash);
    return hash;
}

static VALUE text(const char *chars) {
    return chars == NULL ? Qnil : rb_utf8_str_new_cstr(chars);
}

/* JSON as text, or nil when there is none. */
static VALUE json(tasker_bytes bytes) {
    if (bytes.size == 0) {
        return Qnil;
    }
    VALUE text = rb_obj_freeze(rb_utf8_str_new(bytes.data, (long)bytes.size));
    VALUE json_text = rb_obj_alloc(json_text_class); /* what its initialize does, without a call */
    rb_ivar_set(json_text, text_variable, text);
    return rb_obj_freeze(json_text);
}

/* Writes a number with leading zeros. */
static void digits(char *at, int count, int64_t value) {
    while (count-- > 0) {
        at[count] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* "2024-05-06T07:08:09.123456", UTC without an offset; nil for 0. */
static VALUE time_text(int64_t at_us) {
    time_t seconds = (time_t)(at_us / 1000000);
    struct tm tm;
    if (at_us <= 0 || gmtime_r(&seconds, &tm) == NULL || tm.tm_year > 9999 - 1900) {
        return Qnil;
    }
    char chars[] = "0000-00-00T00:00:00.000000"; /* strftime takes longer than the rest */
    digits(chars, 4, tm.tm_year + 1900);
    digits(chars + 5, 2, tm.tm_mon + 1);
    digits(chars + 8, 2, tm.tm_mday);
    digits(chars + 11, 2, tm.tm_hour);
    digits(chars + 14, 2, tm.tm_min);
    digits(chars + 17, 2, tm.tm_sec);
    digits(chars + 20, 6, at_us % 1000000);
    return rb_usascii_str_new(chars, (long)sizeof(chars) - 1);
}

/* The tables below are pairs of key and value. */
/* clang-format off */

static VALUE task_hash(const tasker_step *step, VALUE task_id, VALUE created_at) {
    const VALUE inner[] = {
        key.task_uuid, task_id, key.named_task_uuid, text(step->named_task_id),
        key.context, json(step->context),
        key.priority, INT2NUM(step->priority),
        key.created_at, created_at,
        key.fields, json(step->task_fields),
    };
    const VALUE outer[] = {
        key.task, HASH_OF(inner), key.task_name, text(step->task_name),
        key.task_version, text(step->task_version),
        key.namespace_name, text(step->namespace_name),
    };
    return HASH_OF(outer);
}

/* As read before the claim: `attempts` are those before this one, since an operator's retry. */
static VALUE workflow_step_hash(const tasker_step *step, VALUE task_id, VALUE step_id,
                                VALUE created_at) {
    const VALUE pairs[] = {
        key.workflow_step_uuid, step_id, key.task_uuid, task_id, key.named_step_uuid, text(step->named_step_id),
        key.name, text(step->step_name), key.retryable, step->retryable ? Qtrue : Qfalse,
        key.max_attempts, UINT2NUM(step->attempts_max),
        key.attempts, UINT2NUM(step->attempts_before), key.attempt, UINT2NUM(step->attempt),
        key.in_process, Qfalse, key.processed, Qfalse, key.processed_at, Qnil,
        key.last_attempted_at, time_text(step->last_attempted_at_us),
        key.backoff_request_seconds, Qnil, key.timeout_ms, LL2NUM(step->timeout_ms),
        key.inputs, json(step->inputs), key.results, json(step->last_failure),
        key.skippable, Qfalse, key.created_at, created_at,
        key.updated_at, time_text(step->enqueued_at_us),
    };
    return HASH_OF(pairs);
}

static VALUE dependency_hash(const tasker_dependency *dependency) {
    VALUE metadata = json(dependency->metadata);
    const VALUE pairs[] = {
        key.step_uuid, text(dependency->step_id), key.success, Qtrue,
        key.result, json(dependency->result), key.status, completed_text,
        key.metadata, NIL_P(metadata) ? rb_hash_new() : metadata,
        key.error, Qnil, key.orchestration_metadata, Qnil,
    };
    return HASH_OF(pairs);
}

static VALUE dependencies_hash(const tasker_step *step) {
    VALUE hash = rb_hash_new();
    for (size_t i = 0; i < step->dependency_count; i++) {
        const tasker_dependency *dependency = &step->dependencies[i];
        rb_hash_aset(hash, rb_interned_str_cstr(dependency->name), dependency_hash(dependency));
    }
    return hash;
}

VALUE rb_tasker_event(const tasker_step *step) {
    if (NIL_P(json_text_class)) { /* models.rb is loaded after the extension */
        json_text_class = rb_path2class("TaskerCore::Models::JsonText");
    }
    VALUE task_id = rb_obj_freeze(text(step->task_id));
    VALUE step_id = rb_obj_freeze(text(step->step_id));
    VALUE created_at = rb_obj_freeze(time_text(step->task_created_at_us)); /* nil is frozen */
    const VALUE sequence[] = {
        key.task, task_hash(step, task_id, created_at),
        key.workflow_step, workflow_step_hash(step, task_id, step_id, created_at),
        key.dependency_results, dependencies_hash(step),
        key.step_definition, json(step->definition),
    };
    const VALUE event[] = {
        key.event_id, rb_obj_freeze(text(step->event_id)), key.task_uuid, task_id,
        key.step_uuid, step_id, key.callable, text(step->callable),
        key.task_sequence_step, HASH_OF(sequence),
    };
    return HASH_OF(event);
}
/* clang-format on */

/* Native.timestamp(microseconds since 1970) -> "2024-05-06T07:08:09.123456Z"; nil before 1970 */
static VALUE timestamp(VALUE self, VALUE at_us) {
    (void)self;
    VALUE text = time_text(NUM2LL(at_us));
    return NIL_P(text) ? Qnil : rb_str_cat_cstr(text, "Z");
}

void rb_tasker_event_init(VALUE native) {
    rb_define_module_function(native, "timestamp", timestamp, 1);
#define X(name)                                                                                    \
    key.name = rb_interned_str_cstr(#name);                                                        \
    rb_gc_register_mark_object(key.name);
    KEYS(X)
#undef X
    text_variable = rb_intern("@text");
    completed_text = rb_interned_str_cstr("completed");
    rb_gc_register_mark_object(completed_text);
    rb_gc_register_address(&json_text_class);
}
