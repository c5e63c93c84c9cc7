/*
 * rb_server.c - TaskerCore::Native::Server, the HTTP server in a worker's process.
 *
 *   web_server.rb ──► [rb_server.c] ──► tasker_server_open, tasker_server_stop
 *
 * It has threads and store handles of its own; none of them enters Ruby. Compiled in only where
 * libmicrohttpd's header was: else the class is missing, which web_server.rb tells.
 */
#include "rb_tasker.h"

#ifdef TK_WITH_HTTP

#include <unistd.h>

#include "tasker_serve.h"

#define SETTINGS_MAX 16

typedef struct server {
    tasker_server *handle;
    pid_t pid; /* who opened it: in a forked child its threads are gone */
} server;

static void *server_release(void *arg) {
    tasker_server_close(((server *)arg)->handle);
    return NULL;
}

static void server_drop(server *s, bool collecting) {
    if (s->handle != NULL && s->pid == getpid()) {
        rb_tasker_on_the_way_out(server_release, s, collecting);
    }
    s->handle = NULL;
}

static void server_free(void *pointer) {
    server_drop(pointer, true);
    xfree(pointer);
}

static const rb_data_type_t server_type = {
    .wrap_struct_name = "TaskerCore::Native::Server",
    .function = {.dfree = server_free},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

/* One call, which runs without the GVL. */
typedef struct call {
    server *server;
    tasker_setting settings[SETTINGS_MAX];
    size_t count;
    int64_t timeout_ms;
    tasker_status status;
    tasker_error error;
} call;

static void *call_open(void *arg) {
    call *c = arg;
    tasker_server_options options = {
        .size = sizeof(options), .settings = c->settings, .setting_count = c->count};
    c->status = tasker_server_open(&options, &c->server->handle, &c->error);
    return NULL;
}

static void *call_stop(void *arg) {
    call *c = arg;
    c->status = tasker_server_stop(c->server->handle, c->timeout_ms, &c->error);
    return NULL;
}

/* open(["listen", "127.0.0.1:8080", …]) -> Server */
static VALUE server_open(VALUE class, VALUE settings) {
    call c = {0};
    Check_Type(settings, T_ARRAY);
    VALUE texts = rb_ary_new();
    for (long i = 0; i + 1 < RARRAY_LEN(settings) && c.count < SETTINGS_MAX; i += 2) {
        VALUE name = rb_tasker_frozen(RARRAY_AREF(settings, i));
        VALUE value = rb_tasker_frozen(RARRAY_AREF(settings, i + 1));
        rb_ary_push(texts, name);
        rb_ary_push(texts, value);
        const char *text = NIL_P(value) ? NULL : StringValueCStr(value);
        c.settings[c.count++] = (tasker_setting){StringValueCStr(name), text};
    }
    VALUE self = TypedData_Make_Struct(class, server, &server_type, c.server);
    c.server->pid = getpid();
    rb_tasker_without_gvl(call_open, &c);
    RB_GC_GUARD(texts);
    if (c.status != TASKER_OK) {
        rb_tasker_raise("serve", &c.error);
    }
    return self;
}

static server *server_of(VALUE self) {
    server *s = rb_check_typeddata(self, &server_type);
    if (s->handle == NULL || s->pid != getpid()) {
        rb_tasker_refuse("serve", TASKER_CLOSED, "the server is closed");
    }
    return s;
}

/* url() -> String */
static VALUE server_url(VALUE self) {
    return rb_utf8_str_new_cstr(tasker_server_url(server_of(self)->handle));
}

/* stop(timeout_ms) -> true when every request was done; the server is closed then */
static VALUE server_stop(VALUE self, VALUE timeout_ms) {
    call c = {.server = server_of(self), .timeout_ms = NUM2LL(timeout_ms)};
    rb_tasker_without_gvl(call_stop, &c);
    server_drop(c.server, false);
    RB_GC_GUARD(self);
    return c.status == TASKER_OK ? Qtrue : Qfalse;
}

void rb_tasker_server_init(VALUE native) {
    VALUE class = rb_define_class_under(native, "Server", rb_cObject);
    rb_undef_alloc_func(class);
    rb_define_singleton_method(class, "open", server_open, 1);
    rb_define_method(class, "url", server_url, 0);
    rb_define_method(class, "stop", server_stop, 1);
}

#else

void rb_tasker_server_init(VALUE native) {
    (void)native;
}

#endif
