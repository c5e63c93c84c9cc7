/*
 * store_sqlite_open.c - opens, checks, shares and closes a SQLite store.
 *
 *   find or make the file ── lock ── open ── whose is it? ── write-ahead log ── tables ── unlock
 *
 * Nothing of a foreign file is changed: its kind is checked before the first write.
 */
#include "store_sqlite.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

extern const char tk_schema_sqlite[];
extern const char tk_schema_sqlite_2[];
extern const char tk_schema_sqlite_3[];
extern const char tk_schema_sqlite_4[];

/* From one version of the tables to the next; each ends with its own number. */
static const char *const migrations[TK_SQLITE_SCHEMA_VERSION] = {
    tk_schema_sqlite,
    tk_schema_sqlite_2,
    tk_schema_sqlite_3,
    tk_schema_sqlite_4,
};

#define URL_PREFIX "sqlite:"
#define MEMORY ":memory:"

static tasker_status run(const tk_sqlite *sqlite, const char *sql, const char *doing,
                         tasker_error *error) {
    int code = sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? TASKER_OK : tk_sqlite_fail(sqlite, code, doing, error);
}

tasker_status tk_sqlite_ask(const tk_sqlite *sqlite, const char *sql, int64_t *answer,
                            tasker_error *error) {
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(sqlite->db, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
        if (code == SQLITE_ROW) {
            *answer = sqlite3_column_int64(stmt, 0);
            code = SQLITE_OK;
        }
    }
    tasker_status status = TASKER_OK;
    if (code != SQLITE_OK) {
        status = tk_sqlite_fail(sqlite, code == SQLITE_DONE ? SQLITE_CORRUPT : code,
                                "looking at the file", error);
    }
    sqlite3_finalize(stmt);
    return status;
}

/* --- whose file is it? ------------------------------------------------------------------------ */

/* *found: the version of the tables, 0 in an empty file. */
static tasker_status kind_check(const tk_sqlite *sqlite, int64_t *found, tasker_error *error) {
    int64_t application = 0;
    int64_t version = 0;
    int64_t objects = 0;
    tasker_status status = tk_sqlite_ask(sqlite, "PRAGMA application_id", &application, error);
    if (status == TASKER_OK) {
        status = tk_sqlite_ask(sqlite, "PRAGMA user_version", &version, error);
    }
    if (status == TASKER_OK) {
        status = tk_sqlite_ask(sqlite, "SELECT count(*) FROM sqlite_schema", &objects, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    *found = version;
    if (application == 0 && version == 0 && objects == 0) {
        return TASKER_OK;
    }
    if (application != TK_SQLITE_APPLICATION_ID) {
        return tk_fail(error, TASKER_UNSUPPORTED,
                       "%s belongs to another program (application_id %" PRId64
                       "); choose another file",
                       sqlite->name, application);
    }
    if (version > TK_SQLITE_SCHEMA_VERSION) {
        return tk_fail(error, TASKER_UNSUPPORTED,
                       "%s was written by a newer version (tables of version %" PRId64
                       ", known are up to %d); use that version",
                       sqlite->name, version, TK_SQLITE_SCHEMA_VERSION);
    }
    if (version < 1) {
        return tk_fail(error, TASKER_STORE,
                       "%s is damaged: it has no version; restore a copy of it", sqlite->name);
    }
    return TASKER_OK;
}

/* One step in one transaction. */
static tasker_status migrate_once(const tk_sqlite *sqlite, int64_t version, tasker_error *error) {
    static const char doing[] = "making the tables";
    tasker_status status = run(sqlite, "BEGIN IMMEDIATE", doing, error);
    if (status != TASKER_OK) {
        return status;
    }
    status = run(sqlite, migrations[version - 1], doing, error);
    if (status == TASKER_OK) {
        status = run(sqlite, "COMMIT", doing, error);
    }
    if (status != TASKER_OK) {
        (void)sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}

/* Makes the tables of an empty file, and brings older ones up to date when that is wanted. */
static tasker_status tables_open(const tk_sqlite *sqlite, const tk_store_config *config,
                                 int64_t found, tasker_error *error) {
    if (config->version_found != NULL) {
        *config->version_found = (int32_t)found;
    }
    if (found > 0 && found < TK_SQLITE_SCHEMA_VERSION && (!config->migrate || config->read_only)) {
        return tk_fail(error, TASKER_UNSUPPORTED,
                       "%s has tables of version %" PRId64 ", expected %d; bring them up to date "
                       "with `tasker store migrate`",
                       sqlite->name, found, TK_SQLITE_SCHEMA_VERSION);
    }
    tasker_status status = TASKER_OK;
    while (status == TASKER_OK && found < TK_SQLITE_SCHEMA_VERSION) {
        status = migrate_once(sqlite, ++found, error);
    }
    return status;
}

static tasker_status log_switch_on(const tk_sqlite *sqlite, tasker_error *error) {
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(sqlite->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
    }
    const char *mode = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    tasker_status status = TASKER_OK;
    if (mode == NULL) {
        status = tk_sqlite_fail(sqlite, code == SQLITE_ROW ? SQLITE_NOMEM : code,
                                "switching to the write-ahead log", error);
    } else if (strcmp(mode, "wal") != 0) {
        status =
            tk_fail(error, TASKER_STORE,
                    "%s cannot have a write-ahead log here; put it on a local disk", sqlite->name);
    }
    sqlite3_finalize(stmt);
    return status;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* The file's content is input: no function, trigger or view in it is trusted. */
static tasker_status connection_configure(const tk_sqlite *sqlite, tasker_error *error) {
    char sql[256];
    (void)sqlite3_extended_result_codes(sqlite->db, 1);
    (void)sqlite3_busy_timeout(sqlite->db, TK_SQLITE_BUSY_MS);
    (void)sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    (void)snprintf(sql, sizeof(sql),
                   "PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;"
                   "PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY;"
                   "PRAGMA cache_size = -%d; PRAGMA wal_autocheckpoint = %d",
                   TK_SQLITE_CACHE_KIB, TK_SQLITE_CHECKPOINT_PAGES);
    return run(sqlite, sql, "setting up the connection", error);
}

static tasker_status connection_open(tk_sqlite *sqlite, const char *path,
                                     const tk_store_config *config, tasker_error *error) {
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (sqlite->file == NULL) {
        flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY;
    } else {
        flags |= sqlite->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    }
    int code = sqlite3_open_v2(path, &sqlite->db, flags, NULL);
    if (code != SQLITE_OK) {
        return tk_sqlite_fail(sqlite, code, "opening", error);
    }
    tasker_status status = connection_configure(sqlite, error);
    int64_t found = 0;
    if (status == TASKER_OK) {
        status = kind_check(sqlite, &found, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    if (sqlite->read_only) {
        return found == 0 ? tk_fail(error, TASKER_NOTFOUND,
                                    "%s is empty; nothing has been stored in it", sqlite->name)
                          : tables_open(sqlite, config, found, error);
    }
    if (sqlite3_db_readonly(sqlite->db, "main") == 1) { /* SQLite falls back without a word */
        return tk_sqlite_fail(sqlite, SQLITE_READONLY, "opening", error);
    }
    if (sqlite->file != NULL) {
        status = log_switch_on(sqlite, error);
    }
    return status == TASKER_OK ? tables_open(sqlite, config, found, error) : status;
}

/* Under the lock, as opening may recover the log. A reader goes without where it may not lock. */
static tasker_status connection_open_locked(tk_sqlite *sqlite, const tk_store_config *config,
                                            tasker_error *error) {
    if (sqlite->file == NULL) {
        return connection_open(sqlite, MEMORY, config, error);
    }
    tasker_status status = tk_sqlite_file_lock(sqlite->file, error);
    if (status != TASKER_OK) {
        return status;
    }
    status = connection_open(sqlite, tk_sqlite_file_path(sqlite->file), config, error);
    tk_sqlite_file_unlock(sqlite->file);
    return status;
}

static tasker_status url_check(const char *url, tasker_error *error) {
    const char *path = url + strlen(URL_PREFIX);
    if (*path == '\0') {
        return tk_fail(error, TASKER_INVALID,
                       "\"%s\" names no file; expected sqlite:FILE or sqlite::memory:", url);
    }
    if (strncmp(path, "//", 2) == 0 && path[2] != '/') {
        return tk_fail(error, TASKER_INVALID,
                       "\"%s\" would be a file in the root folder; expected sqlite:FILE, as in "
                       "sqlite:tasker.db or sqlite:/var/lib/tasker.db",
                       url);
    }
    if (strlen(path) >= PATH_MAX - sizeof("-lock")) {
        return tk_fail(error, TASKER_INVALID, "the path in the store's URL is too long; at most %d",
                       PATH_MAX - (int)sizeof("-lock"));
    }
    return TASKER_OK;
}

tasker_status tk_sqlite_wishes_check(const char *name, const char *role, tk_period period,
                                     tasker_error *error) {
    return role == NULL && period == TK_PERIOD_KEEP
               ? TASKER_OK
               : tk_fail(error, TASKER_UNSUPPORTED,
                         "%s is a file: roles and portions are PostgreSQL's; whoever may write the "
                         "file may do everything",
                         name);
}

static tasker_status store_fill(tk_sqlite *sqlite, const tk_store_config *config,
                                tasker_error *error) {
    sqlite->url = tk_strdup(config->url);
    if (sqlite->url == NULL) {
        return tk_nomem(error);
    }
    sqlite->name = sqlite->url + strlen(URL_PREFIX);
    if (strcmp(sqlite->name, MEMORY) == 0) {
        return config->read_only || config->must_exist
                   ? tk_fail(error, TASKER_NOTFOUND,
                             "sqlite::memory: is always new; open it without read_only and "
                             "must_exist")
                   : TASKER_OK;
    }
    return tk_sqlite_file_open(sqlite->name, !config->read_only && !config->must_exist,
                               config->read_only, &sqlite->file, error);
}

tasker_status tk_store_sqlite_open(const tk_store_config *config, tk_store **store,
                                   tasker_error *error) {
    tasker_status status = url_check(config->url, error);
    if (status == TASKER_OK) { /* before anything of the file is changed */
        status = tk_sqlite_wishes_check(config->url + strlen(URL_PREFIX), config->role,
                                        config->period, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    tk_sqlite *sqlite = tk_alloc(sizeof(*sqlite));
    if (sqlite == NULL) {
        return tk_nomem(error);
    }
    sqlite->store.driver = &tk_sqlite_driver;
    sqlite->clock = config->clock;
    sqlite->log = config->log;
    sqlite->read_only = config->read_only;
    sqlite->opener = tk_process_id();
    sqlite->references = 1;
    pthread_mutex_init(&sqlite->mutex, NULL);
    status = store_fill(sqlite, config, error);
    if (status == TASKER_OK) {
        status = connection_open_locked(sqlite, config, error);
    }
    if (status != TASKER_OK) {
        tk_sqlite_close(&sqlite->store);
        return status;
    }
    *store = &sqlite->store;
    return TASKER_OK;
}

tasker_status tk_sqlite_share(tk_store *store, tk_store **other, tasker_error *error) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    if (tk_process_id() != sqlite->opener) {
        return tk_fail(error, TASKER_FORKED, "%s was opened before a fork; open it anew",
                       sqlite->name);
    }
    if (sqlite->file == NULL) {
        pthread_mutex_lock(&sqlite->mutex);
        sqlite->references++;
        pthread_mutex_unlock(&sqlite->mutex);
        *other = store;
        return TASKER_OK;
    }
    const tk_store_config config = {
        .url = sqlite->url,
        .read_only = sqlite->read_only,
        .must_exist = true,
        .clock = sqlite->clock,
        .log = sqlite->log,
    };
    return tk_store_sqlite_open(&config, other, error);
}

tasker_status tk_sqlite_reconnect(tk_store *store, tasker_error *error) {
    return tk_sqlite_sync(store, error); /* nothing to do but in a forked child */
}

/* --- closing ---------------------------------------------------------------------------------- */

/* The last connection copies the log into the file, which only the holder of the lock may. Without
 * it the log stays, and the next opening takes it up. */
static void connection_close(tk_sqlite *sqlite) {
    for (size_t i = 0; i < TK_COUNT_OF(sqlite->statements); i++) {
        (void)sqlite3_finalize(sqlite->statements[i]);
    }
    bool locked = sqlite->file != NULL && tk_sqlite_file_lock(sqlite->file, NULL) == TASKER_OK;
    if (sqlite->file != NULL && !locked) {
        (void)sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    (void)sqlite3_close(sqlite->db);
    if (locked) {
        tk_sqlite_file_unlock(sqlite->file);
    }
}

static bool drop_reference(tk_sqlite *sqlite) {
    pthread_mutex_lock(&sqlite->mutex);
    bool last = --sqlite->references == 0;
    pthread_mutex_unlock(&sqlite->mutex);
    return last;
}

void tk_sqlite_close(tk_store *store) {
    tk_sqlite *sqlite = tk_sqlite_of(store);
    if (tk_process_id() == sqlite->opener) { /* else: SQLite and the file are the parent's */
        if (!drop_reference(sqlite)) {
            return;
        }
        if (sqlite->db != NULL) {
            tk_sqlite_rollback(store);
            connection_close(sqlite);
        }
        if (sqlite->file != NULL) {
            tk_sqlite_file_close(sqlite->file);
        }
        pthread_mutex_destroy(&sqlite->mutex);
    }
    tk_free(sqlite->url);
    tk_free(sqlite);
}
