/*
 * rb_store.c - TaskerCore::Native::Store, a handle of a store.
 *
 *   client.rb, ffi.rb ──► [rb_store.c] ──► tasker_open, tasker_submit, tasker_query, …
 *
 * Every method but close blocks on the store, and so runs without the GVL. Any number of threads
 * may use one Store.
 */
#include <unistd.h>

#include "rb_tasker.h"

/* --- the handle ------------------------------------------------------------------------------- */

static void *store_release(void *arg) {
    tasker_close(((rb_tasker_store *)arg)->handle); /* which a forked child only forgets */
    return NULL;
}

void rb_tasker_store_drop(rb_tasker_store *store, bool collecting) {
    if (store != NULL && --store->count == 0) {
        rb_tasker_on_the_way_out(store_release, store, collecting);
        xfree(store);
    }
}

static void store_free(void *pointer) {
    if (pointer != NULL) {
        rb_tasker_store_drop(pointer, true);
    }
}

static const rb_data_type_t store_type = {
    .wrap_struct_name = "TaskerCore::Native::Store",
    .function = {.dfree = store_free},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

rb_tasker_store *rb_tasker_store_take(VALUE self) {
    rb_tasker_store *store = rb_check_typeddata(self, &store_type);
    if (store == NULL) {
        rb_tasker_refuse("store", TASKER_CLOSED, "the store is closed");
    }
    if (store->pid != getpid()) {
        rb_tasker_refuse("store", TASKER_FORKED,
                         "this process was forked: open a store of its own here");
    }
    store->count++;
    return store;
}

/* close() -> nil. Calls that run, and workers, keep the store until they are done. */
static VALUE store_close(VALUE self) {
    rb_tasker_store *store = rb_check_typeddata(self, &store_type);
    if (store != NULL) {
        RTYPEDDATA_DATA(self) = NULL;
        rb_tasker_store_drop(store, false);
    }
    return Qnil;
}

/* --- one call --------------------------------------------------------------------------------- */

#define OPERATIONS(X)                                                                              \
    X(open, tasker_open(c->text, &c->options, &c->store->handle, &c->error))                       \
    X(put_template, tasker_template_put(handle, c->input, c->text, &c->answer, &c->error))         \
    X(put_templates, tasker_template_put_directory(handle, c->text, &c->answer, &c->error))        \
    X(template_outline, tasker_template_outline(c->text, &c->answer, &c->error))                   \
    X(submit, tasker_submit(handle, c->input, &c->answer, &c->error))                              \
    X(plan, tasker_submit_plan(handle, c->input, (tasker_bytes){c->text, strlen(c->text)},         \
                               &c->answer, &c->error))                                             \
    X(wait, tasker_task_wait(handle, c->text, c->timeout_ms, &c->answer, &c->error))               \
    X(query, tasker_query(handle, c->kind, c->input, &c->answer, &c->error))                       \
    X(cancel_task, tasker_task_cancel(handle, c->text, &c->act, &c->error))                        \
    X(resolve_task, tasker_task_resolve(handle, c->text, &c->act, &c->error))                      \
    X(fail_task, tasker_task_fail(handle, c->text, &c->act, &c->error))                            \
    X(retry_step, tasker_step_retry(handle, c->text, &c->act, &c->error))                          \
    X(resolve_step, tasker_step_resolve(handle, c->text, c->input, &c->act, &c->error))            \
    X(complete_step, tasker_step_complete(handle, c->text, c->input, &c->act, &c->error))

typedef enum operation {
#define X(name, made) OP_##name,
    OPERATIONS(X)
#undef X
        OPERATION_COUNT
} operation;

static const char *const operation_names[OPERATION_COUNT] = {
#define X(name, made) #name,
    OPERATIONS(X)
#undef X
};

/* What a call takes and what came of it. */
typedef struct call {
    operation operation;
    rb_tasker_store *store;
    const char *text;
    tasker_bytes input;
    int64_t timeout_ms;
    tasker_query_kind kind;
    tasker_act act;
    tasker_options options;
    tasker_text answer;
    tasker_status status;
    tasker_error error;
} call;

static void *call_run(void *arg) {
    call *c = arg;
    tasker *handle = c->store == NULL ? NULL : c->store->handle;
    switch (c->operation) {
#define X(name, made)                                                                              \
    case OP_##name:                                                                                \
        c->status = (made);                                                                        \
        break;
        OPERATIONS(X)
#undef X
    case OPERATION_COUNT:
        break;
    }
    return NULL;
}

static VALUE call_convert(VALUE arg) {
    call *c = (call *)arg;
    rb_tasker_without_gvl(call_run, c);
    if (c->status == TASKER_TIMEOUT) {
        return Qnil;
    }
    if (c->status != TASKER_OK) {
        rb_tasker_raise(operation_names[c->operation], &c->error);
    }
    return c->answer.data == NULL ? Qtrue : rb_utf8_str_new(c->answer.data, (long)c->answer.size);
}

static VALUE call_release(VALUE arg) {
    call *c = (call *)arg;
    tasker_text_free(&c->answer);
    rb_tasker_store_drop(c->store, false);
    return Qnil;
}

static const char *text_or_null(VALUE *text) {
    return NIL_P(*text) ? NULL : StringValueCStr(*text);
}

/* call_make answers the text that was handed out, true when there is none, nil after a time-out.
 * `self` is nil where no store is needed. `text` and `input` may be nil; both are copied when they
 * could change meanwhile. */
static VALUE call_make(VALUE self, call c, VALUE text, VALUE input) {
    text = rb_tasker_frozen(text);
    input = rb_tasker_frozen(input);
    c.text = text_or_null(&text);
    c.input = rb_tasker_bytes(&input);
    c.store = NIL_P(self) ? NULL : rb_tasker_store_take(self);
    VALUE answer = rb_ensure(call_convert, (VALUE)&c, call_release, (VALUE)&c);
    RB_GC_GUARD(text);
    RB_GC_GUARD(input);
    return answer;
}

/* --- methods ---------------------------------------------------------------------------------- */

/* Store.open(url, environment or nil, migrate, read_only, must_exist) -> Store */
static VALUE store_open(VALUE class, VALUE url, VALUE environment, VALUE migrate, VALUE read_only,
                        VALUE must_exist) {
    VALUE self = TypedData_Wrap_Struct(class, &store_type, NULL);
    rb_tasker_store *store = ZALLOC(rb_tasker_store);
    *store = (rb_tasker_store){.count = 1, .pid = getpid()};
    RTYPEDDATA_DATA(self) = store;

    environment = rb_tasker_frozen(environment);
    tasker_options options = {.size = sizeof(options),
                              .environment = text_or_null(&environment),
                              .read_only = RTEST(read_only),
                              .must_exist = RTEST(must_exist),
                              .migrate = RTEST(migrate)};
    StringValue(url);
    call_make(self, (call){.operation = OP_open, .options = options}, url, Qnil);
    RB_GC_GUARD(environment);
    return self;
}

/* put_template(yaml, name) -> report, JSON */
static VALUE store_put_template(VALUE self, VALUE yaml, VALUE name) {
    return call_make(self, (call){.operation = OP_put_template}, name, yaml);
}

/* put_templates(directory or nil) -> report, JSON */
static VALUE store_put_templates(VALUE self, VALUE path) {
    return call_make(self, (call){.operation = OP_put_templates}, path, Qnil);
}

/* Store.template_outline(path or nil) -> outline, JSON */
static VALUE store_template_outline(VALUE class, VALUE path) {
    (void)class;
    return call_make(Qnil, (call){.operation = OP_template_outline}, path, Qnil);
}

/* submit(request, nil) -> answer; submit(request, found) -> plan, found empty at first. All JSON. */
static VALUE store_submit(VALUE self, VALUE request, VALUE found) {
    operation made = NIL_P(found) ? OP_submit : OP_plan;
    return call_make(self, (call){.operation = made}, found, request);
}

/* wait(task_uuid, timeout_ms) -> task, JSON; nil when it does not rest yet. Nothing interrupts it:
 * the caller waits in short turns. */
static VALUE store_wait(VALUE self, VALUE uuid, VALUE timeout_ms) {
    StringValue(uuid);
    return call_make(self, (call){.operation = OP_wait, .timeout_ms = NUM2LL(timeout_ms)}, uuid,
                     Qnil);
}

/* query(kind, filter) -> answer, JSON. kind is a QUERY_ constant, filter JSON. */
static VALUE store_query(VALUE self, VALUE kind, VALUE filter) {
    return call_make(self, (call){.operation = OP_query, .kind = NUM2INT(kind)}, Qnil, filter);
}

/* act(name, uuid, result, actor, reason) -> true. name is that of an operation from cancel_task on;
 * result is JSON; the last three may be nil. */
static VALUE store_act(VALUE self, VALUE name, VALUE uuid, VALUE result, VALUE actor,
                       VALUE reason) {
    const char *wanted = StringValueCStr(name);
    int found = OP_cancel_task;
    while (found < OPERATION_COUNT && strcmp(operation_names[found], wanted) != 0) {
        found++;
    }
    if (found == OPERATION_COUNT) {
        rb_raise(rb_eArgError, "no such act: %s", wanted);
    }
    StringValue(uuid);
    actor = rb_tasker_frozen(actor);
    reason = rb_tasker_frozen(reason);
    tasker_act act = {.actor = text_or_null(&actor), .reason = text_or_null(&reason)};
    VALUE done = call_make(self, (call){.operation = (operation)found, .act = act}, uuid, result);
    RB_GC_GUARD(actor);
    RB_GC_GUARD(reason);
    return done;
}

void rb_tasker_store_init(VALUE native) {
    VALUE class = rb_define_class_under(native, "Store", rb_cObject);
    rb_undef_alloc_func(class);
    rb_define_singleton_method(class, "open", store_open, 5);
    rb_define_singleton_method(class, "template_outline", store_template_outline, 1);
    rb_define_method(class, "close", store_close, 0);
    rb_define_method(class, "put_template", store_put_template, 2);
    rb_define_method(class, "put_templates", store_put_templates, 1);
    rb_define_method(class, "submit", store_submit, 2);
    rb_define_method(class, "wait", store_wait, 2);
    rb_define_method(class, "query", store_query, 2);
    rb_define_method(class, "act", store_act, 5);
#define KIND(name) rb_define_const(class, #name, INT2FIX(TASKER_##name))
    /* clang-format off */
    KIND(QUERY_TASK); KIND(QUERY_TASKS); KIND(QUERY_STEPS); KIND(QUERY_STEP); KIND(QUERY_HISTORY);
    KIND(QUERY_COUNTS); KIND(QUERY_TEMPLATES); KIND(QUERY_TEMPLATE); KIND(QUERY_WORKERS);
/* clang-format on */
#undef KIND
}
