/*
 * store_file.h - a SQLite file for a test, opened and written in a line each.
 */
#ifndef TEST_STORE_FILE_H
#define TEST_STORE_FILE_H

#include "store.h"

typedef struct store_file {
    char folder[64];
    char path[192];
    char url[224];
} store_file;

/* store_file_make names a file in a new folder; it does not exist yet. */
void store_file_make(store_file *file);
void store_file_remove(const store_file *file);

/* store_file_open opens a store and insists that it works. */
tk_store *store_file_open(const char *url);

/* store_file_try opens a store; NULL and *error when it does not. */
tk_store *store_file_try(const char *url, bool read_only, bool must_exist, tasker_error *error);

/* store_file_write commits `count` tasks with a context of `size` bytes, and their count under the
 * template `template_id`. Ids are made of `seed`: another number for each call. */
tasker_status store_file_write(tk_store *store, int32_t template_id, uint32_t seed, uint32_t count,
                               size_t size, tasker_error *error);

/* store_file_count reads how many were counted under a template, -1 on an error. */
int64_t store_file_count(tk_store *store, int32_t template_id, tasker_error *error);

/* store_file_problems is how many problems integrity() finds, -1 on an error. */
int64_t store_file_problems(tk_store *store, tasker_error *error);

#endif
