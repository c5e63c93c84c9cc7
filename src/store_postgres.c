/*
 * store_postgres.c - the second driver: its place in the seam; it opens nothing yet.
 */
#include "store.h"

tasker_status tk_store_postgres_open(const tk_store_config *config, tk_store **store,
                                     tasker_error *error) {
    (void)config;
    (void)store;
    return tk_fail(error, TASKER_UNSUPPORTED,
                   "the PostgreSQL store is not part of this version; use sqlite:FILE");
}
