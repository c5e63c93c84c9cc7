/*
 * store_postgres_run.c - how a statement is run: parameters in PostgreSQL's binary form, rows back.
 *
 *   tk_pg_begin ─ tk_pg_array, tk_pg_put_… ─┬ tk_pg_exec ─ tk_pg_get_… ─┬ (again) ─ tk_pg_end
 *                                           └ tk_pg_queue ──────────────┘
 *
 * tk_pg_exec goes to the server and back; tk_pg_queue leaves the statement on the line, where it goes along
 * with the next one that is waited for, or at sync or commit.
 *
 * Binary, so that no text has to be escaped or read as a number. Times are microseconds since 2000.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

/* A value that no time has may come from a damaged row: it goes round. */
static int64_t time_shift(int64_t time_us, int64_t by_us) {
    return (int64_t)((uint64_t)time_us + (uint64_t)by_us);
}

tasker_status tk_pg_begin(tk_pg_run *run, tk_pg *pg, tasker_error *error) {
    *run = (tk_pg_run){.pg = pg, .name = ""};
    run->status = tk_pg_usable(pg, error);
    run->told = run->status != TASKER_OK;
    return run->status;
}

/* --- parameters ------------------------------------------------------------------------------- */

static void add_number(tk_buf *bytes, int64_t value, unsigned size) {
    uint8_t big[8];
    for (unsigned i = 0; i < size; i++) {
        big[i] = (uint8_t)((uint64_t)value >> (8 * (size - 1 - i)));
    }
    tk_buf_add(bytes, big, size);
}

static unsigned size_of(tk_pg_type type) {
    switch (type) {
    case TK_PG_BOOL:
        return 1;
    case TK_PG_INT2:
        return 2;
    case TK_PG_INT4:
        return 4;
    default:
        return 8;
    }
}

/* Begins the next parameter. */
static void parameter(tk_pg_run *run, Oid type) {
    assert(run->parameters < TK_PG_PARAMETERS_MAX);
    run->starts[run->parameters] = run->bytes.size;
    run->nulls[run->parameters] = false;
    run->types[run->parameters] = type;
    run->parameters++;
}

/* A number that its column cannot hold would be cut: it fails instead. */
static void add_checked(tk_pg_run *run, tk_pg_type type, int64_t value) {
    if ((type == TK_PG_INT2 && (value < INT16_MIN || value > INT16_MAX)) ||
        (type == TK_PG_INT4 && (value < INT32_MIN || value > INT32_MAX))) {
        tk_pg_note(run, TASKER_UNSUPPORTED);
    }
    add_number(&run->bytes, value, size_of(type));
}

void tk_pg_array(tk_pg_run *run, tk_pg_type type, uint32_t count) {
    parameter(run, 0);
    add_number(&run->bytes, count > 0 ? 1 : 0, 4); /* dimensions */
    add_number(&run->bytes, 1, 4);                 /* may hold NULL */
    add_number(&run->bytes, (int64_t)type, 4);
    if (count > 0) {
        add_number(&run->bytes, count, 4);
        add_number(&run->bytes, 1, 4); /* the first index */
    }
}

void tk_pg_put_int(tk_pg_run *run, tk_pg_type type, int64_t value) {
    add_number(&run->bytes, size_of(type), 4);
    add_checked(run, type, value);
}

void tk_pg_put_time(tk_pg_run *run, int64_t time_us) {
    tk_pg_put_int(run, TK_PG_INT8, time_shift(time_us, -TK_PG_EPOCH_US));
}

void tk_pg_put_bytes(tk_pg_run *run, const void *data, size_t size) {
    if (size > INT32_MAX) {
        tk_pg_note(run, TASKER_NOMEM);
        return;
    }
    add_number(&run->bytes, (int64_t)size, 4);
    if (size > 0) {
        tk_buf_add(&run->bytes, data, size);
    }
}

void tk_pg_put_uuid(tk_pg_run *run, const tk_uuid *id) {
    tk_pg_put_bytes(run, id->bytes, sizeof(id->bytes));
}

void tk_pg_put_null(tk_pg_run *run) {
    add_number(&run->bytes, -1, 4);
}

void tk_pg_put_text(tk_pg_run *run, tk_str text) {
    if (text.data == NULL) {
        tk_pg_put_null(run);
    } else {
        tk_pg_put_bytes(run, text.data, text.size);
    }
}

void tk_pg_int(tk_pg_run *run, tk_pg_type type, int64_t value) {
    parameter(run, (Oid)type);
    add_checked(run, type, value);
}

void tk_pg_time(tk_pg_run *run, int64_t time_us) {
    parameter(run, TK_PG_TIME);
    add_number(&run->bytes, time_shift(time_us, -TK_PG_EPOCH_US), 8);
}

void tk_pg_bytes(tk_pg_run *run, const void *data, size_t size) {
    parameter(run, TK_PG_BYTEA);
    tk_buf_add(&run->bytes, data, size);
}

void tk_pg_uuid(tk_pg_run *run, const tk_uuid *id) {
    parameter(run, TK_PG_UUID);
    tk_buf_add(&run->bytes, id->bytes, sizeof(id->bytes));
}

void tk_pg_text(tk_pg_run *run, tk_str text) {
    parameter(run, TK_PG_TEXT);
    if (text.size > 0) {
        tk_buf_add(&run->bytes, text.data, text.size);
    }
}

/* --- running ---------------------------------------------------------------------------------- */

static void sending_fill(tk_pg_sending *out, const tk_pg_run *run) {
    for (int i = 0; i < run->parameters; i++) {
        size_t end = i + 1 < run->parameters ? run->starts[i + 1] : run->bytes.size;
        size_t size = end - run->starts[i];
        out->values[i] = run->nulls[i]
                             ? NULL
                             : (run->bytes.data == NULL ? "" : run->bytes.data + run->starts[i]);
        out->lengths[i] = (int)size;
        out->formats[i] = 1;
    }
}

/* Before anything is sent: did a parameter fail? */
static bool may_run(tk_pg_run *run) {
    PQclear(run->result);
    run->result = NULL;
    run->rows = 0;
    if (run->bytes.failed) {
        tk_pg_note(run, TASKER_NOMEM);
    }
    return run->status == TASKER_OK;
}

/* Puts the statement on the line; its parameters are gone then. */
static tk_pg_pending *send(tk_pg_run *run, tk_pg_statement statement, const char *sql,
                           tasker_error *error) {
    tk_pg_pending *pending = NULL;
    tk_pg_sending out;
    if (may_run(run) && run->pg->plan != NULL) {
        tk_pg_plan_add(run, sql != NULL ? sql : tk_pg_texts[statement]);
    } else if (may_run(run)) {
        sending_fill(&out, run);
        pending = tk_pg_line_send(run, statement, sql, &out, error);
    }
    tk_buf_truncate(&run->bytes, 0);
    run->parameters = 0;
    return pending;
}

/* Waits for the answer of what was sent last. */
static bool receive(tk_pg_run *run, tk_pg_pending *pending, tasker_error *error) {
    tasker_status status = TASKER_OK;
    if (pending == NULL) {
        return false;
    }
    run->result = tk_pg_line_answer(run->pg, pending, &status, error);
    if (status != TASKER_OK) {
        tk_pg_note(run, status);
        run->told = true;
        return false;
    }
    run->rows = (uint32_t)PQntuples(run->result);
    return true;
}

bool tk_pg_exec(tk_pg_run *run, tk_pg_statement statement, tasker_error *error) {
    run->name = tk_pg_names[statement];
    return receive(run, send(run, statement, NULL, error), error);
}

bool tk_pg_exec_text(tk_pg_run *run, const char *sql, const char *name, tasker_error *error) {
    run->name = name;
    return receive(run, send(run, TK_PG_STATEMENT_COUNT, sql, error), error);
}

void tk_pg_queue(tk_pg_run *run, tk_pg_statement statement, tk_pg_take_fn *take,
                 const void *arguments, size_t size, tasker_error *error) {
    run->name = tk_pg_names[statement];
    tk_pg_pending *pending = send(run, statement, NULL, error);
    if (pending == NULL) {
        return;
    }
    assert(size <= sizeof(pending->arguments));
    pending->take = take;
    if (size > 0) {
        memcpy(pending->arguments, arguments, size);
    }
}

tasker_status tk_pg_end(tk_pg_run *run, tasker_error *error) {
    PQclear(run->result);
    run->result = NULL;
    tk_buf_release(&run->bytes);
    if (run->status == TASKER_OK || run->told) {
        return run->status;
    }
    run->told = true;
    switch (run->status) {
    case TASKER_NOMEM:
        return tk_nomem(error);
    case TASKER_UNSUPPORTED:
        return tk_fail(error, TASKER_UNSUPPORTED,
                       "%s: a number is larger than its column can hold (near %s)", run->pg->name,
                       run->name);
    default:
        return tk_fail(error, run->status,
                       "%s: %s returned a value that cannot be; run "
                       "`tasker store check`",
                       run->pg->name, run->name);
    }
}

/* --- rows ------------------------------------------------------------------------------------- */

bool tk_pg_is_null(const tk_pg_run *run, uint32_t row, int column) {
    return PQgetisnull(run->result, (int)row, column) != 0;
}

int64_t tk_pg_get(tk_pg_run *run, uint32_t row, int column) {
    if (tk_pg_is_null(run, row, column)) {
        return 0;
    }
    const uint8_t *bytes = (const uint8_t *)PQgetvalue(run->result, (int)row, column);
    int size = PQgetlength(run->result, (int)row, column);
    if (size != 1 && size != 2 && size != 4 && size != 8) {
        tk_pg_note(run, TASKER_STORE);
        return 0;
    }
    uint64_t value = size > 1 && (bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (int i = 0; i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return (int64_t)value;
}

int32_t tk_pg_get_i32(tk_pg_run *run, uint32_t row, int column) {
    int64_t value = tk_pg_get(run, row, column);
    if (value < INT32_MIN || value > INT32_MAX) {
        tk_pg_note(run, TASKER_STORE);
        return 0;
    }
    return (int32_t)value;
}

uint16_t tk_pg_get_step(tk_pg_run *run, uint32_t row, int column) {
    int64_t value = tk_pg_get(run, row, column);
    if (value < 0 || value >= TASKER_STEPS_MAX) {
        tk_pg_note(run, TASKER_STORE);
        return 0;
    }
    return (uint16_t)value;
}

int64_t tk_pg_get_time(tk_pg_run *run, uint32_t row, int column) {
    return tk_pg_is_null(run, row, column)
               ? 0
               : time_shift(tk_pg_get(run, row, column), TK_PG_EPOCH_US);
}

tk_str tk_pg_peek(const tk_pg_run *run, uint32_t row, int column) {
    if (tk_pg_is_null(run, row, column)) {
        return (tk_str){NULL, 0};
    }
    return (tk_str){PQgetvalue(run->result, (int)row, column),
                    (size_t)PQgetlength(run->result, (int)row, column)};
}

tk_str tk_pg_get_text(tk_pg_run *run, uint32_t row, int column, tk_arena *arena) {
    tk_str copy = {NULL, 0};
    if (!tk_arena_str(arena, tk_pg_peek(run, row, column), &copy)) {
        tk_pg_note(run, TASKER_NOMEM);
    }
    return copy;
}

void tk_pg_get_uuid(tk_pg_run *run, uint32_t row, int column, tk_uuid *id) {
    tk_str bytes = tk_pg_peek(run, row, column);
    if (bytes.size != sizeof(id->bytes)) {
        tk_pg_note(run, TASKER_STORE);
        memset(id, 0, sizeof(*id));
        return;
    }
    memcpy(id->bytes, bytes.data, sizeof(id->bytes));
}

uint32_t tk_pg_get_place(tk_pg_run *run, uint32_t row, uint32_t count) {
    int64_t place = tk_pg_get(run, row, 0);
    if (place < 1 || place > count) {
        tk_pg_note(run, TASKER_STORE);
        return 0;
    }
    return (uint32_t)place - 1;
}

void *tk_pg_rows_make(tk_pg_run *run, tk_arena *arena, size_t size) {
    if (run->rows == 0) {
        return NULL;
    }
    void *rows = tk_arena_array(arena, run->rows, size);
    if (rows == NULL) {
        tk_pg_note(run, TASKER_NOMEM);
        run->rows = 0;
    }
    return rows;
}

#endif
