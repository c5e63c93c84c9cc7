#!/usr/bin/env python3
"""A chain of four steps in Python, each a plain function, by ctypes over tasker.h. After `make`:

    examples/python/worker.py                       # 65536: 2 squared four times, in memory
    examples/python/worker.py --serve --store sqlite:demo.db     # works until Control-C

The structs repeat those of tasker.h; the template is that of examples/c/linear: on PostgreSQL the
workers of both languages share its tasks. ctypes lets the GIL go during a call: handlers may run on
several threads, each in a loop over work_once(). An exception is an outcome: `tasker step show`
tells it with its traceback. TASKER_LIBRARY names the library; default: that of this clone's make.
"""
import argparse
import ctypes as c
import json
import os
import pathlib
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TEMPLATE = ROOT / "examples/c/templates/linear.yaml"
OK, LOST, TIMEOUT, CLOSED, QUERY_STEP, UUID = 0, -4, -5, -7, 4, c.c_char * 37


def struct(*fields):
    members = [(name, kind) for kind, names in fields for name in names.split()]
    return type("Struct", (c.Structure,), {"_fields_": members})


Bytes = struct((c.c_void_p, "data"), (c.c_size_t, "size"))  # also a text that is handed out
Error = struct((c.c_int, "status"), (c.c_char * 512, "message"), (c.c_char * 256, "path"))
Handler = struct((c.c_char_p, "callable"), (c.c_void_p, "call user"))
Options = struct((c.c_size_t, "size"), (c.POINTER(Handler), "handlers"),
                 (c.c_size_t, "handler_count"), (c.c_void_p, "namespaces"),
                 (c.c_size_t, "namespace_count"), (c.c_char_p, "name"),
                 (c.c_uint32, "threads"), (c.c_bool, "poll_only"))
Dependency = struct((c.c_char_p, "name"), (UUID, "step_id"), (Bytes, "result metadata"),
                    (c.c_int64, "finished_at_us"), (c.c_bool, "by_hand"))
Step = struct((UUID, "event_id task_id step_id"),
              (c.c_char_p, "namespace_name task_name task_version step_name callable"
                           " named_task_id named_step_id"),
              (c.c_uint32, "step_index attempt attempts_before attempts_max"),
              (c.c_bool, "retryable"), (c.c_int32, "priority"), (c.c_int64, "timeout_ms"),
              (Bytes, "context inputs definition task_fields last_failure"),
              (c.POINTER(Dependency), "dependencies"), (c.c_size_t, "dependency_count"),
              (c.c_int64, "task_created_at_us enqueued_at_us claimed_at_us last_attempted_at_us"))
Outcome = struct((c.c_bool, "ok"), (Bytes, "result metadata"), (c.c_bool, "retryable"),
                 (c.c_int64, "retry_after_ms"),
                 (Bytes, "error_message error_class error_code backtrace"))

lib = c.CDLL(os.environ.get("TASKER_LIBRARY", str(ROOT / "build/release/libtasker.so")))
lib.tasker_status_text.restype = c.c_char_p


def call(name, *arguments, quiet=()):
    """Calls tasker_NAME(arguments…, &error); raises unless it returns OK or one of `quiet`."""
    error = Error()
    status = getattr(lib, "tasker_" + name)(*arguments, c.byref(error))
    if status != OK and status not in quiet:
        raise RuntimeError(f"{name}: {(error.message or lib.tasker_status_text(status)).decode()}")
    return status


def given(text):  # borrowed for a call: the bytes live as long as the struct
    value = Bytes(size=len(text.encode()))
    value.keep = c.create_string_buffer(text.encode())
    value.data = c.addressof(value.keep)
    return value


def parsed(text):
    return json.loads(c.string_at(text.data, text.size)) if text.size else None


def asked(name, *arguments):  # a call whose answer is a text
    text = Bytes()
    call(name, *arguments, c.byref(text))
    answer = parsed(text)
    lib.tasker_text_free(c.byref(text))
    return answer


def square(context, results):  # a handler: what the step was given, and what it returns
    return (list(results.values())[-1] if results else context["even_number"]) ** 2


HANDLERS = {f"linear.step_{i}": square for i in (1, 2, 3, 4)}


def run(step):
    """Runs a step's handler; returns its outcome, and the texts that it points to."""
    try:
        ancestors = step.dependencies[:step.dependency_count]
        results = {d.name.decode(): parsed(d.result) for d in ancestors}
        texts = [given(json.dumps(HANDLERS[step.callable.decode()](parsed(step.context), results)))]
        return Outcome(ok=True, result=texts[0], retry_after_ms=-1), texts
    except Exception as error:
        texts = [given(t) for t in (str(error), type(error).__name__, traceback.format_exc())]
        return Outcome(False, retryable=True, retry_after_ms=-1, error_message=texts[0],
                       error_class=texts[1], backtrace=texts[2]), texts


def work_once(worker, timeout_ms):
    """Takes the next step and ends it; nothing happens when none comes in time."""
    step = c.POINTER(Step)()
    call("worker_next", worker, c.c_int64(timeout_ms), c.byref(step), quiet=(TIMEOUT, CLOSED))
    if step:
        outcome, _texts = run(step.contents)
        call("worker_complete", worker, step.contents.event_id, c.byref(outcome), quiet=(LOST,))
        lib.tasker_step_free(step)


def one_task(handle, worker, number):
    """Submits a task, works until it rests, and returns its last step."""
    request = {"name": "mathematical_sequence", "namespace": "c_linear",
               "context": {"even_number": number}}
    task = asked("submit", handle, given(json.dumps(request)))
    uuid = task["task_uuid"].encode()
    while call("task_wait", handle, uuid, c.c_int64(0), None, quiet=(TIMEOUT,)) != OK:
        work_once(worker, 100)
    last = {"step_uuid": task["step_mapping"]["linear_step_4"]}
    return asked("query", handle, QUERY_STEP, given(json.dumps(last)))


def main():
    arguments = argparse.ArgumentParser(description="runs a chain of four steps in Python")
    arguments.add_argument("--store", default="sqlite::memory:", help="URL (default: in memory)")
    arguments.add_argument("--number", type=int, default=2, help="is squared four times")
    arguments.add_argument("--serve", action="store_true", help="submits nothing, works on")
    wanted = arguments.parse_args()
    handle, worker = c.c_void_p(), c.c_void_p()
    handlers = (Handler * len(HANDLERS))(*[Handler(name.encode()) for name in HANDLERS])
    options = Options(c.sizeof(Options), handlers, len(HANDLERS), threads=1)
    try:
        call("open", wanted.store.encode(), None, c.byref(handle))
        call("template_put", handle, given(TEMPLATE.read_text()), b"linear.yaml", None)
        call("worker_open", handle, c.byref(options), c.byref(worker))
        call("worker_start", worker)
        while wanted.serve:
            work_once(worker, 500)
        step = one_task(handle, worker, wanted.number)
        print(step["result"] if step["current_state"] == "complete" else step)
    except (RuntimeError, KeyboardInterrupt) as error:  # Control-C has no text: all is well
        raise SystemExit(str(error) or 0) from None
    finally:
        lib.tasker_worker_close(worker)
        lib.tasker_close(handle)


if __name__ == "__main__":
    main()
