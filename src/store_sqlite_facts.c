/*
 * store_sqlite_facts.c - what a SQLite store is: version, size.
 */
#include <sys/stat.h>

#include "store_sqlite.h"

/* What is committed and not yet copied into the file. */
static int64_t log_bytes(const tk_sqlite *sqlite, tk_arena *arena) {
    struct stat found;
    const char *path = sqlite->file == NULL
                           ? NULL
                           : tk_arena_printf(arena, "%s-wal", tk_sqlite_file_path(sqlite->file));
    return path != NULL && stat(path, &found) == 0 ? (int64_t)found.st_size : 0;
}

tasker_status tk_sqlite_facts(tk_store *store, tk_arena *arena, tk_store_facts *facts,
                              tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    tk_sql sql;
    tasker_status status = tk_sql_begin(&sql, sqlite, TK_SQL_FACTS, error);
    if (status != TASKER_OK) {
        return status;
    }
    *facts = (tk_store_facts){
        .url = tk_str_of(sqlite->url),
        .version = tk_str_of(sqlite3_libversion()),
        .schema_want = TK_SQLITE_SCHEMA_VERSION,
        .log_bytes = log_bytes(sqlite, arena),
    };
    if (tk_sql_step(&sql)) {
        facts->schema_have = tk_sql_get_i32(&sql, 0);
        facts->size_bytes = tk_sql_get(&sql, 1);
        facts->recorded_since_us = tk_sql_get(&sql, 2);
    }
    return tk_sql_end(&sql, error);
}
