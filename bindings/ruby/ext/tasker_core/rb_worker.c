/*
 * rb_worker.c - TaskerCore::Native::Worker: claimed steps out, outcomes in.
 *
 *   tasker_worker_next ──► [rb_worker.c] ──► rb_event.c ──► ffi.rb, the event bridge, the handler
 *   tasker_worker_complete ◄── [rb_worker.c] ◄── the bridge's completion
 *
 * next(0) and complete are memory operations and keep the GVL: a handler thread that is done
 * takes its next step without standing in line for it. Only an idle thread gives the GVL up.
 */
#include <stdatomic.h>
#include <unistd.h>

#include "rb_tasker.h"

typedef struct worker {
    tasker_worker *handle;
    rb_tasker_store *store;
    unsigned count;         /* who uses it, guarded by the GVL */
    atomic_int interrupted; /* threads in next() that were interrupted and have not left it yet */
} worker;

static void *worker_release(void *arg) {
    worker *w = arg;
    if (w->store->pid == getpid()) { /* a child forgets its parent's handle */
        tasker_worker_close(w->handle);
    }
    return NULL;
}

static void worker_drop(worker *w, bool collecting) {
    if (--w->count == 0) {
        rb_tasker_on_the_way_out(worker_release, w, collecting);
        rb_tasker_store_drop(w->store, collecting);
        xfree(w);
    }
}

static void worker_free(void *pointer) {
    if (pointer != NULL) {
        worker_drop(pointer, true);
    }
}

static const rb_data_type_t worker_type = {
    .wrap_struct_name = "TaskerCore::Native::Worker",
    .function = {.dfree = worker_free},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static worker *worker_get(VALUE self) {
    worker *w = rb_check_typeddata(self, &worker_type);
    if (w == NULL) {
        rb_tasker_refuse("worker", TASKER_CLOSED, "the worker is closed");
    }
    if (w->store->pid != getpid()) {
        rb_tasker_refuse("worker", TASKER_FORKED,
                         "this process was forked from a worker: start a worker of its own here");
    }
    return w;
}

/* --- open, stop, close ------------------------------------------------------------------------ */

/* A call that may block, for all of those. */
typedef struct call {
    worker *worker;
    tasker_worker_options options;
    int64_t timeout_ms;
    tasker_status status;
    tasker_error error;
} call;

static void *open_run(void *arg) {
    call *c = arg;
    c->status =
        tasker_worker_open(c->worker->store->handle, &c->options, &c->worker->handle, &c->error);
    if (c->status == TASKER_OK) {
        c->status = tasker_worker_start(c->worker->handle, &c->error);
    }
    return NULL;
}

/* The texts of an Array of Strings, as a buffer of zeroed elements that each begin with a pointer to
 * one of them. */
static VALUE text_list(VALUE array, size_t element_size) {
    Check_Type(array, T_ARRAY);
    VALUE buffer = rb_str_tmp_new(RARRAY_LEN(array) * (long)element_size);
    memset(RSTRING_PTR(buffer), 0, (size_t)RSTRING_LEN(buffer));
    for (long i = 0; i < RARRAY_LEN(array); i++) {
        VALUE text = rb_ary_entry(array, i);
        const char *chars = StringValueCStr(text);
        memcpy(RSTRING_PTR(buffer) + (size_t)i * element_size, (const void *)&chars, sizeof(chars));
    }
    return buffer;
}

_Static_assert(offsetof(tasker_handler, callable) == 0, "text_list writes it");

/* Worker.open(store, callables, namespaces, name or nil, threads, poll_only) -> Worker. The Arrays
 * and the Strings in them must be frozen. The worker claims steps from now on. */
static VALUE worker_open(VALUE class, VALUE store, VALUE callables, VALUE namespaces, VALUE name,
                         VALUE threads, VALUE poll_only) {
    VALUE namespace_texts = text_list(namespaces, sizeof(char *));
    VALUE handlers = text_list(callables, sizeof(tasker_handler));
    name = rb_tasker_frozen(name);
    VALUE self = TypedData_Wrap_Struct(class, &worker_type, NULL);
    call c = {.options = {.size = sizeof(tasker_worker_options),
                          .handlers = (const tasker_handler *)RSTRING_PTR(handlers),
                          .handler_count = (size_t)RARRAY_LEN(callables),
                          .namespaces = (const char *const *)RSTRING_PTR(namespace_texts),
                          .namespace_count = (size_t)RARRAY_LEN(namespaces),
                          .name = NIL_P(name) ? NULL : StringValueCStr(name),
                          .threads = NUM2UINT(threads),
                          .poll_only = RTEST(poll_only)}};
    rb_tasker_store *used = rb_tasker_store_take(store);
    RTYPEDDATA_DATA(self) = c.worker = ZALLOC(worker);
    *c.worker = (worker){.store = used, .count = 1};
    rb_tasker_without_gvl(open_run, &c);
    RB_GC_GUARD(namespace_texts);
    RB_GC_GUARD(handlers);
    RB_GC_GUARD(name);
    if (c.status != TASKER_OK) {
        rb_tasker_raise("open_worker", &c.error);
    }
    return self;
}

static void *stop_run(void *arg) {
    call *c = arg;
    c->status = tasker_worker_stop(c->worker->handle, c->timeout_ms, &c->error);
    return NULL;
}

static VALUE stop_convert(VALUE arg) {
    call *c = (call *)arg;
    rb_tasker_without_gvl(stop_run, c);
    if (c->status != TASKER_OK && c->status != TASKER_TIMEOUT) {
        rb_tasker_raise("stop_worker", &c->error);
    }
    return c->status == TASKER_OK ? Qtrue : Qfalse;
}

static VALUE call_release(VALUE arg) {
    worker_drop(((call *)arg)->worker, false);
    return Qnil;
}

/* stop(timeout_ms) -> true, or false when handlers were still running */
static VALUE worker_stop(VALUE self, VALUE timeout_ms) {
    call c = {.worker = worker_get(self), .timeout_ms = NUM2LL(timeout_ms)};
    c.worker->count++;
    return rb_ensure(stop_convert, (VALUE)&c, call_release, (VALUE)&c);
}

/* close() -> nil. Calls that run keep the worker until they are done. */
static VALUE worker_close(VALUE self) {
    worker *w = rb_check_typeddata(self, &worker_type);
    if (w != NULL) {
        RTYPEDDATA_DATA(self) = NULL;
        worker_drop(w, false);
    }
    return Qnil;
}

/* --- next ------------------------------------------------------------------------------------- */

typedef struct next {
    worker *worker;
    int64_t timeout_ms;
    atomic_bool interrupted;
    tasker_status status;
    tasker_step *step;
    bool handed_out;
    tasker_error error;
} next;

static void *next_wait(void *arg) {
    next *n = arg;
    n->status = tasker_worker_next(n->worker->handle, n->timeout_ms, &n->step, &n->error);
    return NULL;
}

/* Runs when another thread kills or signals this one. */
static void next_unblock(void *arg) {
    next *n = arg;
    if (!atomic_exchange(&n->interrupted, true)) {
        atomic_fetch_add(&n->worker->interrupted, 1);
    }
    tasker_worker_wake(n->worker->handle);
}

/* The library wakes one thread, which need not be the one that was meant: pass it on. */
static void next_woken(next *n) {
    if (atomic_load(&n->interrupted)) {
        atomic_fetch_sub(&n->worker->interrupted, 1);
    } else if (n->status == TASKER_TIMEOUT && atomic_load(&n->worker->interrupted) > 0) {
        tasker_worker_wake(n->worker->handle);
    }
}

static VALUE next_convert(VALUE arg) {
    next *n = (next *)arg;
    if (n->timeout_ms == 0) {
        next_wait(n);
    } else {
        rb_thread_call_without_gvl2(next_wait, n, next_unblock, n);
        next_woken(n);
    }
    if (n->status == TASKER_TIMEOUT) {
        return Qnil;
    }
    if (n->status == TASKER_CLOSED) {
        return Qfalse;
    }
    if (n->status != TASKER_OK) {
        rb_tasker_raise("next", &n->error);
    }
    VALUE event = rb_tasker_event(n->step);
    n->handed_out = true;
    return event;
}

static VALUE next_release(VALUE arg) {
    next *n = (next *)arg;
    if (n->step != NULL && !n->handed_out) { /* no memory for the event: it did not begin */
        tasker_worker_release(n->worker->handle, n->step->event_id, false, NULL);
    }
    tasker_step_free(n->step);
    worker_drop(n->worker, false);
    return Qnil;
}

/* next(timeout_ms) -> event, nil when none came, false when the worker is stopping.
 *
 * Does not raise pending interrupts, and may return nil because of one. Mask them around "next,
 * then hand on": an event that is dropped in between runs into its time-out. */
static VALUE worker_next(VALUE self, VALUE timeout_ms) {
    next n = {.timeout_ms = NUM2LL(timeout_ms), .status = TASKER_TIMEOUT};
    n.worker = worker_get(self);
    n.worker->count++;
    return rb_ensure(next_convert, (VALUE)&n, next_release, (VALUE)&n);
}

/* --- outcomes --------------------------------------------------------------------------------- */

/* true when it was taken in, false when the claim is no longer ours. */
static VALUE accepted(const char *operation, tasker_status status, const tasker_error *error) {
    if (status == TASKER_OK) {
        return Qtrue;
    }
    if (status == TASKER_LOST || status == TASKER_NOTFOUND) {
        return Qfalse;
    }
    rb_tasker_raise(operation, error);
}

/* complete(event_id, ok, result, metadata, retryable, retry_after_ms, message, class, code,
 * backtrace) -> true, false when the claim is no longer ours. result and metadata are JSON; all from
 * result on may be nil. */
static VALUE worker_complete(int argc, VALUE *argv, VALUE self) {
    rb_check_arity(argc, 10, 10);
    tasker_error error;
    tasker_outcome outcome = {.ok = RTEST(argv[1]),
                              .result = rb_tasker_bytes(&argv[2]),
                              .metadata = rb_tasker_bytes(&argv[3]),
                              .retryable = RTEST(argv[4]),
                              .retry_after_ms = NIL_P(argv[5]) ? -1 : NUM2LL(argv[5]),
                              .error_message = rb_tasker_bytes(&argv[6]),
                              .error_class = rb_tasker_bytes(&argv[7]),
                              .error_code = rb_tasker_bytes(&argv[8]),
                              .backtrace = rb_tasker_bytes(&argv[9])};
    tasker_status status = tasker_worker_complete(worker_get(self)->handle,
                                                  StringValueCStr(argv[0]), &outcome, &error);
    return accepted("complete", status, &error);
}

/* extend(event_id, timeout_ms) -> true, false when the claim is no longer ours */
static VALUE worker_extend(VALUE self, VALUE event_id, VALUE timeout_ms) {
    tasker_error error;
    tasker_status status = tasker_worker_extend(worker_get(self)->handle, StringValueCStr(event_id),
                                                NUM2LL(timeout_ms), &error);
    return accepted("extend", status, &error);
}

/* release(event_id, started) -> true, false when the claim is no longer ours */
static VALUE worker_give_back(VALUE self, VALUE event_id, VALUE started) {
    tasker_error error;
    tasker_status status = tasker_worker_release(worker_get(self)->handle,
                                                 StringValueCStr(event_id), RTEST(started), &error);
    return accepted("release", status, &error);
}

/* overdue() -> event id of a handler that should be interrupted, or nil */
static VALUE worker_overdue(VALUE self) {
    char event_id[TASKER_UUID_SIZE];
    tasker_error error;
    tasker_status status = tasker_worker_overdue(worker_get(self)->handle, event_id, &error);
    if (status == TASKER_NOTFOUND) {
        return Qnil;
    }
    if (status != TASKER_OK) {
        rb_tasker_raise("overdue", &error);
    }
    return rb_utf8_str_new_cstr(event_id);
}

/* finished(event_id) -> nil */
static VALUE worker_finished(VALUE self, VALUE event_id) {
    tasker_worker_finished(worker_get(self)->handle, StringValueCStr(event_id));
    return Qnil;
}

/* clang-format off */
#define COUNTS(X)                                                                                  \
    X(claimed) X(succeeded) X(failed) X(refused) X(turns) X(turns_failed) X(timed_out) X(waiting)  \
    X(running) X(unsaved)
/* clang-format on */

/* stats() -> Hash with String keys */
static VALUE worker_stats(VALUE self) {
    tasker_worker_stats stats = {.size = sizeof(stats)};
    tasker_worker_stats_read(worker_get(self)->handle, &stats);
    VALUE hash = rb_hash_new();
#define X(name) rb_hash_aset(hash, rb_utf8_str_new_cstr(#name), ULL2NUM(stats.name));
    COUNTS(X)
#undef X
    rb_hash_aset(hash, rb_utf8_str_new_cstr("pump_running"), stats.pump_running ? Qtrue : Qfalse);
    rb_hash_aset(hash, rb_utf8_str_new_cstr("worker_id"), rb_utf8_str_new_cstr(stats.worker_id));
    return hash;
}

void rb_tasker_worker_init(VALUE native) {
    VALUE class = rb_define_class_under(native, "Worker", rb_cObject);
    rb_undef_alloc_func(class);
    rb_define_singleton_method(class, "open", worker_open, 6);
    rb_define_method(class, "next", worker_next, 1);
    rb_define_method(class, "complete", worker_complete, -1);
    rb_define_method(class, "extend_step", worker_extend, 2);
    rb_define_method(class, "release", worker_give_back, 2);
    rb_define_method(class, "overdue", worker_overdue, 0);
    rb_define_method(class, "finished", worker_finished, 1);
    rb_define_method(class, "stats", worker_stats, 0);
    rb_define_method(class, "stop", worker_stop, 1);
    rb_define_method(class, "close", worker_close, 0);
}
