/*
 * rb_tasker.h - what the files of the extension share.
 *
 *   rb_tasker.c   errors, and the module TaskerCore::Native
 *   rb_store.c    Native::Store    a store: templates, tasks, queries
 *   rb_worker.c   Native::Worker   claimed steps out, outcomes in
 *   rb_server.c   Native::Server   the HTTP server in this process
 *   rb_event.c    a claimed step as the Hash that the event bridge takes
 *
 * The extension only converts; lib/tasker_core/ffi.rb decides. Its rules:
 *
 * - A call that blocks runs without the GVL, by rb_thread_call_without_gvl2: the plain form may
 *   raise after the call and lose what it returned. What is handed out is converted under rb_ensure.
 * - No native thread enters Ruby, and nothing here calls a Ruby method.
 * - Native structs hold no Ruby objects. A handle is counted (under the GVL): its object, its
 *   workers and each running call hold one count, so that close() never pulls it from under a call.
 * - A handle works in the process that opened it; a forked child gets an FFIError, and forgets it.
 */
#ifndef RB_TASKER_H
#define RB_TASKER_H

#include <ruby.h>
#include <ruby/encoding.h>
#include <ruby/thread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "tasker.h"

typedef struct rb_tasker_store {
    tasker *handle;
    unsigned count; /* who uses it */
    pid_t pid;      /* who opened it */
} rb_tasker_store;

/* rb_tasker_store_take counts the caller in; raises when the store is closed or was opened before a
 * fork. Pair it with rb_tasker_store_drop, which closes the handle behind its last user; NULL is fine. */
rb_tasker_store *rb_tasker_store_take(VALUE self);
void rb_tasker_store_drop(rb_tasker_store *store, bool collecting);

/* rb_tasker_raise raises TaskerCore::Errors::FFIError with the error's message, the operation, and
 * the context {status: "invalid", path: "$.name", retryable: false}. */
NORETURN(void rb_tasker_raise(const char *operation, const tasker_error *error));
NORETURN(void rb_tasker_refuse(const char *operation, tasker_status status, const char *message));

/* rb_tasker_without_gvl runs `call` once without the GVL, also when interrupts are pending (those
 * that are not masked are raised before it runs). */
void rb_tasker_without_gvl(void *(*call)(void *), void *arg);

/* rb_tasker_on_the_way_out runs `call` and raises nothing; without the GVL unless the collector is
 * at work or an interrupt is pending. */
void rb_tasker_on_the_way_out(void *(*call)(void *), void *arg, bool collecting);

/* rb_tasker_frozen answers a frozen copy of a String (another thread may write into the original
 * while the GVL is given up); nil stays nil, anything else raises TypeError. */
VALUE rb_tasker_frozen(VALUE text);

/* rb_tasker_bytes borrows a String's bytes; nil gives none. */
tasker_bytes rb_tasker_bytes(VALUE *text);

/* rb_tasker_event builds the event of a claimed step, with String keys. */
VALUE rb_tasker_event(const tasker_step *step);

void rb_tasker_store_init(VALUE native);
void rb_tasker_worker_init(VALUE native);
void rb_tasker_event_init(VALUE native);
void rb_tasker_server_init(VALUE native);

#endif
