/*
 * store.c - opens a store by its URL. Everything else goes through the driver's table.
 */
#include "store.h"

static const char *const operation_names[TK_STORE_OPERATION_COUNT] = {
#define X(name, arguments) [TK_STORE_OP_##name] = #name,
    TK_STORE_OPERATION_MAP(X)
#undef X
};

static const struct scheme {
    const char *prefix;
    tasker_status (*open)(const tk_store_config *config, tk_store **store, tasker_error *error);
} schemes[] = {
    {"sqlite:", tk_store_sqlite_open},
    {"postgres://", tk_store_postgres_open},
    {"postgresql://", tk_store_postgres_open},
};

const char *tk_store_operation_name(tk_store_operation operation) {
    assert(operation < TK_STORE_OPERATION_COUNT);
    return operation_names[operation];
}

tasker_status tk_store_open(const tk_store_config *config, tk_store **store, tasker_error *error) {
    const char *url = config->url == NULL ? "" : config->url;
    for (size_t i = 0; i < TK_COUNT_OF(schemes); i++) {
        if (strncmp(url, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) {
            return schemes[i].open(config, store, error);
        }
    }
    /* The URL is not repeated: it may hold a password. */
    return tk_fail(
        error, TASKER_INVALID,
        "the store's URL is none that is known; expected sqlite:FILE, sqlite::memory: or "
        "postgres://USER@HOST/DATABASE");
}

void tk_store_close(tk_store *store) {
    if (store != NULL) {
        store->driver->close(store);
    }
}
