/*
 * store_postgres.c - the second driver, as far as it goes: its tables (schema_postgres.sql) and its
 * statements (store_postgres.h) are written and can be prepared; it opens no store yet.
 */
#include "store_postgres.h"

const char *const tk_pg_names[TK_PG_STATEMENT_COUNT] = {
#define X(name, text) [TK_PG_##name] = #name,
    TK_PG_STATEMENT_MAP(X)
#undef X
};

const char *const tk_pg_texts[TK_PG_STATEMENT_COUNT] = {
#define X(name, text) [TK_PG_##name] = text,
    TK_PG_STATEMENT_MAP(X)
#undef X
};

tasker_status tk_store_postgres_open(const tk_store_config *config, tk_store **store,
                                     tasker_error *error) {
    (void)config;
    (void)store;
    return tk_fail(error, TASKER_UNSUPPORTED,
                   "the PostgreSQL store is not part of this version; use sqlite:FILE");
}
