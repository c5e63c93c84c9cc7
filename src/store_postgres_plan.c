/*
 * store_postgres_plan.c - a store that runs nothing: what is saved through it becomes statements that
 * somebody runs on a connection of theirs, within their own transaction.
 *
 *   submit_plan.c ──► [this driver] ──► {"sql","params"} … ──► the application's connection
 *                           ▲                                            │
 *                           └──────────── rows, as JSON ◄────────────────┘
 *
 * First it asks: is that connection's database ours, and whom do the idempotency keys belong to? There it
 * stops, at the first call that needs to know (asks). With the answers the same calls run again from the
 * beginning, and this time save. Names of tables are written out, as the search_path is the
 * application's; parameters are texts, which any client can send. What was committed before (templates,
 * names) is read from the home store.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

#include <stdlib.h>

/* Of a database no other one has: its cluster, its number, the number of our table. */
#define PLACE_SQL                                                                                  \
    "SELECT concat_ws('/', (SELECT system_identifier FROM pg_catalog.pg_control_system()),"        \
    " (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),"     \
    " 'tasker.ledger'::pg_catalog.regclass::pg_catalog.oid)"

#define IDENTITY_SQL                                                                               \
    "SELECT u.place::text, i.task_id::text, t.template_id::text,"                                  \
    " (extract(epoch FROM t.created_at) * 1000000)::int8::text, t.context"                         \
    " FROM unnest($1::int2[], $2::text[], $3::text[]) WITH ORDINALITY AS u(q, t, k, place)"        \
    " JOIN tasker.identity i ON i.namespace = u.q AND i.template = u.t AND i.key = u.k"            \
    " LEFT JOIN tasker.task t ON t.id = i.task_id ORDER BY u.place"

/* It rides along with the commit: whoever falls asleep before that is told. */
#define NOTIFY_SQL "SELECT pg_catalog.pg_notify('tasker', '')"

/* The statements that ask, in their order. */
typedef enum question { ASK_PLACE, ASK_INSERT, ASK_IDENTITY } question;

#define NUMBER_BYTES_MAX 32

/* To whom a key belongs, and the row that says so. */
typedef struct winner {
    tk_uuid id;
    tk_json row;
} winner;

typedef struct planning {
    tk_pg pg;
    winner *winners; /* sorted by id; in the submission's arena */
    uint32_t winner_count;
} planning;

static planning *planning_of(tk_store *store) {
    return (planning *)(void *)store;
}

/* --- statements as text ----------------------------------------------------------------------- */

static int64_t number_read(const uint8_t *bytes, uint32_t size) {
    uint64_t value = size > 0 && (bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (uint32_t i = 0; i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return (int64_t)value;
}

static void hex_write(tk_buf *text, const uint8_t *bytes, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        tk_buf_printf(text, "%02x", bytes[i]);
    }
}

static void quoted_write(tk_buf *text, const uint8_t *bytes, uint32_t size) {
    tk_buf_char(text, '"');
    for (uint32_t i = 0; i < size; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\') {
            tk_buf_char(text, '\\');
        }
        tk_buf_char(text, (char)bytes[i]);
    }
    tk_buf_char(text, '"');
}

/* One element, from the binary form of store_postgres_run.c. */
static void element_write(tk_buf *text, tk_pg_type type, const uint8_t *bytes, uint32_t size) {
    switch (type) {
    case TK_PG_TEXT:
        quoted_write(text, bytes, size);
        break;
    case TK_PG_BYTEA:
        tk_buf_text(text, "\"\\\\x");
        hex_write(text, bytes, size);
        tk_buf_char(text, '"');
        break;
    case TK_PG_UUID:
        hex_write(text, bytes, size);
        break;
    case TK_PG_TIME:
        tk_buf_char(text, '"');
        tk_time_write(text, number_read(bytes, size) + TK_PG_EPOCH_US);
        tk_buf_char(text, '"');
        break;
    case TK_PG_BOOL:
        tk_buf_char(text, bytes[0] != 0 ? 't' : 'f');
        break;
    default:
        tk_buf_printf(text, "%" PRId64, number_read(bytes, size));
    }
}

/* An array: dimensions, flags, type; then the number of elements, the first index, and each behind its
 * size. */
static void array_write(tk_buf *text, const uint8_t *bytes) {
    bool empty = number_read(bytes, 4) == 0;
    tk_pg_type type = (tk_pg_type)number_read(bytes + 8, 4);
    int64_t count = empty ? 0 : number_read(bytes + 12, 4);
    const uint8_t *at = bytes + 20;
    tk_buf_char(text, '{');
    for (int64_t i = 0; i < count; i++) {
        int32_t size = (int32_t)number_read(at, 4);
        at += 4;
        if (i > 0) {
            tk_buf_char(text, ',');
        }
        if (size < 0) {
            tk_buf_text(text, "NULL");
        } else {
            element_write(text, type, at, (uint32_t)size);
            at += size;
        }
    }
    tk_buf_char(text, '}');
}

void tk_pg_plan_add(tk_pg_run *run, const char *sql) {
    tk_buf *out = &run->pg->plan->statements;
    tk_buf text = {0};
    if (run->bytes.failed) {
        tk_pg_note(run, TASKER_NOMEM);
        return;
    }
    tk_json_write_comma(out);
    tk_buf_char(out, '{');
    tk_json_write_member_string(out, "sql", tk_str_of(sql));
    tk_json_write_name(out, "params");
    tk_buf_char(out, '[');
    for (int i = 0; i < run->parameters; i++) {
        assert(run->types[i] == 0); /* all are arrays */
        tk_buf_truncate(&text, 0);
        array_write(&text, (const uint8_t *)run->bytes.data + run->starts[i]);
        tk_json_write_comma(out);
        tk_json_write_string(out, tk_buf_view(&text));
    }
    tk_buf_text(out, "]}");
    if (out->failed || text.failed) {
        tk_pg_note(run, TASKER_NOMEM);
    }
    tk_buf_release(&text);
}

static tasker_status add_plain(tk_pg *pg, const char *sql, tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, pg, error);
    if (status == TASKER_OK) {
        tk_pg_plan_add(&run, sql);
        status = tk_pg_end(&run, error);
    }
    return status;
}

/* --- what was answered ------------------------------------------------------------------------ */

/* What stops the calls until there is an answer; nobody is told. */
static tasker_status ask(tk_pg *pg) {
    pg->plan->asks = true;
    return TASKER_CLOSED;
}

static bool answered(const tk_pg *pg) {
    return pg->plan->rows.kind != TK_JSON_NONE;
}

static tk_json item(tk_json array, size_t index) {
    tk_json_iterator it = tk_json_each(array);
    while (tk_json_next(&it)) {
        if (it.index == index) {
            return it.value;
        }
    }
    return (tk_json){.kind = TK_JSON_NONE};
}

static tasker_status fail_answer(const tk_pg *pg, tasker_error *error) {
    return tk_fail(error, TASKER_INVALID,
                   "%s: the rows of the plan's statements are expected, as texts", pg->name);
}

/* A whole number that was answered as text. */
static bool number_of(tk_json value, int64_t *number) {
    tk_json inside;
    if (value.kind != TK_JSON_STRING) {
        return false;
    }
    tk_str text = {value.text.data + 1, value.text.size - 2};
    return tk_json_parse(text, NUMBER_BYTES_MAX, &inside, NULL) == TASKER_OK &&
           inside.kind == TK_JSON_NUMBER && tk_json_int(inside, number);
}

/* --- the connection's database ---------------------------------------------------------------- */

/* Ends a reading of the home store. */
static tasker_status home_end(tk_store *home, tasker_status status, tasker_error *error) {
    if (status == TASKER_OK) {
        return tk_store_call(home, commit, error);
    }
    home->driver->rollback(home);
    return status;
}

static tasker_status place_read(tk_plan *plan, tk_arena *arena, tk_str *place,
                                tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_store_call(plan->home, begin, TK_STORE_READ, error);
    if (status != TASKER_OK) {
        return status;
    }
    status = tk_pg_begin(&run, tk_pg_of(plan->home), error);
    if (status == TASKER_OK) {
        if (tk_pg_exec_text(&run, PLACE_SQL, "asking for the database", error) && run.rows == 1) {
            *place = tk_pg_get_text(&run, 0, 0, arena);
        }
        status = tk_pg_end(&run, error);
    }
    return home_end(plan->home, status, error);
}

static tasker_status place_check(tk_pg *pg, tasker_error *error) {
    tk_arena arena = {0};
    tk_str place = {NULL, 0};
    tasker_status status = place_read(pg->plan, &arena, &place, error);
    tk_json said = item(item(item(pg->plan->rows, ASK_PLACE), 0), 0);
    if (status == TASKER_OK && said.kind != TK_JSON_STRING) {
        status = fail_answer(pg, error);
    } else if (status == TASKER_OK && !tk_json_string_is(said, place)) {
        status = tk_fail(error, TASKER_INVALID,
                         "the connection is to another database than the store's, %s", pg->name);
    }
    tk_arena_release(&arena);
    return status;
}

static tasker_status plan_begin(tk_store *store, tk_store_mode mode, tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    (void)mode;
    return answered(pg) ? place_check(pg, error) : add_plain(pg, PLACE_SQL, error);
}

static tasker_status plan_sync(tk_store *store, tasker_error *error) {
    (void)store;
    (void)error;
    return TASKER_OK;
}

static tasker_status plan_commit(tk_store *store, tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    return pg->readied ? add_plain(pg, NOTIFY_SQL, error) : TASKER_OK;
}

/* --- identities ------------------------------------------------------------------------------- */

static tasker_status identities_ask(tk_pg *pg, const tk_identity_row *rows, uint32_t count,
                                    tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, pg, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_pg_identity_keys(&run, rows, count);
    TK_PG_COLUMN_OF(&run, uuid, TK_PG_UUID, count, &rows[i].task_id);
    tk_pg_queue(&run, TK_PG_IDENTITY_INSERT, NULL, NULL, 0, error);
    tk_pg_identity_keys(&run, rows, count);
    tk_pg_plan_add(&run, IDENTITY_SQL);
    status = tk_pg_end(&run, error);
    return status == TASKER_OK ? ask(pg) : status;
}

static int compare_winners(const void *a, const void *b) {
    return tk_uuid_compare(&((const winner *)a)->id, &((const winner *)b)->id);
}

/* The rows that were answered, one for each key, in their order. */
static tasker_status winners_read(planning *p, tk_arena *arena, uint32_t count,
                                  tasker_error *error) {
    tk_json_iterator it = tk_json_each(item(p->pg.plan->rows, ASK_IDENTITY));
    uint32_t found = 0;
    for (; tk_json_next(&it); found++) {
        int64_t place = 0;
        tk_str id = {NULL, 0};
        if (!tk_json_string(arena, item(it.value, 1), &id)) {
            return tk_nomem(error);
        }
        bool right = found < count && number_of(item(it.value, 0), &place) &&
                     place == (int64_t)found + 1 && tk_uuid_parse(id, &p->winners[found].id);
        if (!right) {
            return fail_answer(&p->pg, error);
        }
        p->winners[found].row = it.value;
    }
    return found == count ? TASKER_OK : fail_answer(&p->pg, error);
}

static tasker_status plan_identity_insert(tk_store *store, tk_arena *arena,
                                          const tk_identity_row *rows, uint32_t count,
                                          tk_uuid *winners, tasker_error *error) {
    planning *p = planning_of(store);
    if (!answered(&p->pg)) {
        return identities_ask(&p->pg, rows, count, error);
    }
    p->winners = tk_arena_array(arena, count, sizeof(*p->winners));
    p->winner_count = count;
    if (p->winners == NULL) {
        return tk_nomem(error);
    }
    tasker_status status = winners_read(p, arena, count, error);
    for (uint32_t i = 0; i < count; i++) {
        winners[i] = p->winners[i].id;
    }
    qsort(p->winners, count, sizeof(*p->winners), compare_winners);
    return status;
}

/* A winner that this very plan is about to make has no task yet, and so no context. */
static tasker_status winner_load(const planning *p, tk_arena *arena, tk_task_row *row, bool *found,
                                 tasker_error *error) {
    const winner wanted = {.id = row->id};
    const winner *one =
        bsearch(&wanted, p->winners, p->winner_count, sizeof(*p->winners), compare_winners);
    int64_t template_id = 0;
    *found = one != NULL && item(one->row, 4).kind == TK_JSON_STRING;
    if (!*found) {
        return TASKER_OK;
    }
    if (!number_of(item(one->row, 2), &template_id) ||
        !number_of(item(one->row, 3), &row->created_us)) {
        return fail_answer(&p->pg, error);
    }
    row->template_id = (int32_t)template_id;
    return tk_json_string(arena, item(one->row, 4), &row->context) ? TASKER_OK : tk_nomem(error);
}

static tasker_status plan_task_load(tk_store *store, tk_arena *arena, const tk_uuid *ids,
                                    uint32_t count, tk_task_row *rows, bool *found,
                                    tasker_error *error) {
    tasker_status status = TASKER_OK;
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        rows[i] = (tk_task_row){.id = ids[i]};
        status = winner_load(planning_of(store), arena, &rows[i], &found[i], error);
    }
    return status;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* The ids were chosen for this plan: all are new. */
static tasker_status plan_task_insert(tk_store *store, const tk_task_row *rows, uint32_t count,
                                      bool *inserted, tasker_error *error) {
    tk_pg *pg = tk_pg_of(store);
    assert(inserted == NULL);
    return answered(pg) ? tk_pg_op_task_insert(store, rows, count, inserted, error) : ask(pg);
}

/* --- what the home store knows ---------------------------------------------------------------- */

static tasker_status plan_template_load(tk_store *store, tk_arena *arena, int32_t id,
                                        tk_template_row **row, tasker_error *error) {
    tk_store *home = tk_pg_of(store)->plan->home;
    tasker_status status = tk_store_call(home, begin, TK_STORE_READ, error);
    if (status != TASKER_OK) {
        return status;
    }
    return home_end(home, tk_store_call(home, template_load, arena, id, row, error), error);
}

static tasker_status plan_name_intern(tk_store *store, tk_name_kind kind, const tk_str *texts,
                                      uint32_t count, int32_t *ids, tasker_error *error) {
    tk_store *home = tk_pg_of(store)->plan->home;
    tasker_status status = tk_store_call(home, begin, TK_STORE_READ, error);
    if (status != TASKER_OK) {
        return status;
    }
    return home_end(home, tk_store_call(home, name_intern, kind, texts, count, ids, error), error);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void plan_rollback(tk_store *store) {
    (void)store;
}

static void plan_close(tk_store *store) {
    tk_free(planning_of(store));
}

/* What a submission calls, and nothing else. */
static const tk_driver plan_driver = {
    .name = "postgres plan",
    .many_workers = true,
    .begin = plan_begin,
    .sync = plan_sync,
    .commit = plan_commit,
    .rollback = plan_rollback,
    .name_intern = plan_name_intern,
    .template_load = plan_template_load,
    .identity_insert = plan_identity_insert,
    .task_load = plan_task_load,
    .task_insert = plan_task_insert,
    .state_insert = tk_pg_op_state_insert,
    .ready_insert = tk_pg_op_ready_insert,
    .later_insert = tk_pg_op_later_insert,
    .attempt_insert = tk_pg_op_attempt_insert,
    .count_add = tk_pg_op_count_add,
    .close = plan_close,
};

tasker_status tk_pg_plan_open(tk_plan *plan, tk_store **store, tasker_error *error) {
    const tk_pg *home = tk_pg_of(plan->home);
    planning *p = tk_alloc(sizeof(*p));
    if (p == NULL) {
        return tk_nomem(error);
    }
    p->pg.store.driver = &plan_driver;
    p->pg.plan = plan;
    p->pg.opener = home->opener;
    memcpy(p->pg.name, home->name, sizeof(p->pg.name));
    atomic_store(&p->pg.holder, (uintptr_t)pthread_self());
    *store = &p->pg.store;
    return TASKER_OK;
}

#endif
