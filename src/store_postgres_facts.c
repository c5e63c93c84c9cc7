/*
 * store_postgres_facts.c - what a PostgreSQL store is: version, clock, sizes, portions, the last upkeep.
 */
#include "store_postgres.h"

#ifdef TK_WITH_POSTGRES

/* Without a password; a folder of sockets is no host. */
static tk_str url_write(const tk_pg *pg, tk_str user, tk_arena *arena) {
    const char *host = PQhost(pg->connection);
    const char *database = PQdb(pg->connection);
    const char *text = host != NULL && host[0] == '/'
                           ? tk_arena_printf(arena, "postgres://%.*s@/%s?host=%s", (int)user.size,
                                             user.data, database, host)
                           : tk_arena_printf(arena, "postgres://%.*s@%s/%s", (int)user.size,
                                             user.data, host == NULL ? "" : host, database);
    return tk_str_of(text);
}

static void facts_read(tk_pg_run *run, tk_arena *arena, tk_store_facts *facts) {
    if (run->status == TASKER_OK && run->rows != 1) {
        tk_pg_note(run, TASKER_STORE);
    }
    if (run->status != TASKER_OK) {
        return;
    }
    facts->schema_have = tk_pg_get_i32(run, 0, 0);
    facts->period = tk_pg_get_text(run, 0, 1, arena);
    facts->version = tk_pg_get_text(run, 0, 2, arena);
    facts->now_us = tk_pg_get_time(run, 0, 3);
    facts->size_bytes = tk_pg_get(run, 0, 4);
    facts->recorded_since_us = tk_pg_get_time(run, 0, 5);
    facts->upkeep_us = tk_pg_get_time(run, 0, 6);
    facts->upkeep_by = tk_pg_get_text(run, 0, 7, arena);
    facts->upkeep_skipped = tk_pg_get_i32(run, 0, 8);
    facts->upkeep_why = tk_pg_get_text(run, 0, 9, arena);
    facts->url = url_write(run->pg, tk_pg_get_text(run, 0, 10, arena), arena);
    if (facts->url.data == NULL) {
        tk_pg_note(run, TASKER_NOMEM);
    }
}

static void tables_read(tk_pg_run *run, tk_arena *arena, tk_store_facts *facts) {
    facts->tables = tk_pg_rows_make(run, arena, sizeof(*facts->tables));
    for (uint32_t i = 0; i < run->rows; i++) {
        facts->tables[i] = (tk_table_fact){
            .name = tk_pg_get_text(run, i, 0, arena),
            .rows = tk_pg_get(run, i, 1),
            .dead = tk_pg_get(run, i, 2),
            .bytes = tk_pg_get(run, i, 3),
        };
    }
    facts->table_count = run->rows;
}

static void portions_read(tk_pg_run *run, tk_arena *arena, tk_store_facts *facts) {
    facts->portions = tk_pg_rows_make(run, arena, sizeof(*facts->portions));
    for (uint32_t i = 0; i < run->rows; i++) {
        facts->portions[i] = tk_pg_get_text(run, i, 0, arena);
    }
    facts->portion_count = run->rows;
}

tasker_status tk_pg_op_facts(tk_store *store, tk_arena *arena, tk_store_facts *facts,
                             tasker_error *error) {
    tk_pg_run run;
    tasker_status status = tk_pg_begin(&run, tk_pg_of(store), error);
    if (status != TASKER_OK) {
        return status;
    }
    *facts = (tk_store_facts){.schema_want = TK_PG_SCHEMA_VERSION, .has_upkeep = true};
    (void)tk_pg_exec(&run, TK_PG_FACTS, error);
    facts_read(&run, arena, facts);
    if (tk_pg_exec(&run, TK_PG_FACTS_TABLES, error)) {
        tables_read(&run, arena, facts);
    }
    if (tk_pg_exec(&run, TK_PG_FACTS_PORTIONS, error)) {
        portions_read(&run, arena, facts);
    }
    return tk_pg_end(&run, error);
}

#endif
