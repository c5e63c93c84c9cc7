/*
 * rb_tasker.c - TaskerCore::Native, and how the library's errors become exceptions.
 */
#include "rb_tasker.h"

static VALUE retryable(tasker_status status) {
    switch (status) {
#define X(name, class_name, code, retry, text)                                                     \
    case TASKER_##name:                                                                            \
        return (retry) ? Qtrue : Qfalse;
        TASKER_STATUS_MAP(X)
#undef X
    }
    return Qfalse;
}

__attribute__((noreturn)) static void raise_ffi(const char *operation, tasker_status status,
                                                VALUE message, const char *path) {
    VALUE context = rb_hash_new();
    rb_hash_aset(context, ID2SYM(rb_intern("status")),
                 rb_utf8_str_new_cstr(tasker_status_name(status)));
    rb_hash_aset(context, ID2SYM(rb_intern("path")), rb_utf8_str_new_cstr(path));
    rb_hash_aset(context, ID2SYM(rb_intern("retryable")), retryable(status));

    VALUE keywords = rb_hash_new();
    rb_hash_aset(keywords, ID2SYM(rb_intern("operation")), rb_utf8_str_new_cstr(operation));
    rb_hash_aset(keywords, ID2SYM(rb_intern("context")), context);
    VALUE arguments[] = {message, keywords};
    VALUE ffi_error = rb_path2class("TaskerCore::Errors::FFIError");
    rb_exc_raise(rb_class_new_instance_kw(2, arguments, ffi_error, RB_PASS_KEYWORDS));
}

void rb_tasker_raise(const char *operation, const tasker_error *error) {
    VALUE message = rb_utf8_str_new_cstr(
        error->message[0] != '\0' ? error->message : tasker_status_text(error->status));
    if (error->path[0] != '\0') {
        rb_str_catf(message, " (at %s)", error->path);
    }
    raise_ffi(operation, error->status, message, error->path);
}

void rb_tasker_refuse(const char *operation, tasker_status status, const char *message) {
    raise_ffi(operation, status, rb_utf8_str_new_cstr(message), "");
}

typedef struct once {
    void *(*call)(void *);
    void *arg;
    bool ran;
} once;

static void *run_once(void *arg) {
    once *o = arg;
    o->ran = true;
    return o->call(o->arg);
}

void rb_tasker_without_gvl(void *(*call)(void *), void *arg) {
    once o = {.call = call, .arg = arg};
    while (!o.ran) { /* returns at once, without running, while an interrupt is pending */
        rb_thread_call_without_gvl2(run_once, &o, NULL, NULL);
        if (!o.ran) {
            rb_thread_check_ints();
        }
    }
}

void rb_tasker_on_the_way_out(void *(*call)(void *), void *arg, bool collecting) {
    once o = {.call = call, .arg = arg};
    if (!collecting) {
        rb_thread_call_without_gvl2(run_once, &o, NULL, NULL);
    }
    if (!o.ran) {
        call(arg);
    }
}

VALUE rb_tasker_frozen(VALUE text) {
    return NIL_P(text) ? Qnil : rb_str_new_frozen(StringValue(text));
}

tasker_bytes rb_tasker_bytes(VALUE *text) {
    const char *data = NIL_P(*text) ? NULL : StringValuePtr(*text);
    return (tasker_bytes){data, data == NULL ? 0 : (size_t)RSTRING_LEN(*text)};
}

RUBY_FUNC_EXPORTED void Init_tasker_core(void) {
    VALUE native = rb_define_module_under(rb_define_module("TaskerCore"), "Native");
    rb_define_const(native, "VERSION", rb_obj_freeze(rb_utf8_str_new_cstr(tasker_version())));
    rb_tasker_event_init(native);
    rb_tasker_store_init(native);
    rb_tasker_worker_init(native);
    rb_tasker_server_init(native);
}
