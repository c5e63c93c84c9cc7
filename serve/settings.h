/*
 * settings.h - what the server is told, and by whom: a flag, the environment, a file, or nobody.
 */
#ifndef SERVE_SETTINGS_H
#define SERVE_SETTINGS_H

#include "serve.h"

/* The one list: the enum, the names of flags and of the file, the variables, the defaults, the texts.
 * A flag has dashes where the name has underscores. */
/* clang-format off */
#define SETTING_MAP(X)                                                                             \
    X(CONFIG,       "config",       "TASKER_CONFIG",       NULL,               "a YAML file of settings") \
    X(STORE,        "store",        "TASKER_STORE",        "sqlite:tasker.db", "sqlite:FILE or postgres://...") \
    X(LISTEN,       "listen",       "TASKER_LISTEN",       "127.0.0.1:8080",   "address and port; port 0: any that is free") \
    X(TEMPLATES,    "templates",    "TASKER_TEMPLATE_PATH", NULL,              "a folder whose templates are registered at the start") \
    X(ENVIRONMENT,  "environment",  "TASKER_ENV",          "development",      "whose overrides of the templates apply") \
    X(THREADS,      "serve_threads", "TASKER_SERVE_THREADS", "4",              "requests that use the store at once, 1 to 64") \
    X(TLS_CERT,     "tls_cert",     "TASKER_TLS_CERT",     NULL,               "a PEM file: the certificate and its chain") \
    X(TLS_KEY,      "tls_key",      "TASKER_TLS_KEY",      NULL,               "a PEM file: the certificate's key") \
    X(HOSTS,        "hosts",        "TASKER_HOSTS",        NULL,               "names that it is called by, commas between them") \
    X(CORS_ORIGINS, "cors_origins", "TASKER_CORS_ORIGINS", NULL,               "origins whose pages may ask, commas between them") \
    X(ACCESS_LOG,   "access_log",   "TASKER_ACCESS_LOG",   "on",               "a line for each request: on or off")
/* clang-format on */

typedef enum setting_id {
#define X(id, name, variable, standard, text) SETTING_##id,
    SETTING_MAP(X)
#undef X
        SETTING_COUNT
} setting_id;

typedef enum setting_source {
    SETTING_BY_DEFAULT = 0,
    SETTING_BY_FILE,
    SETTING_BY_ENVIRONMENT,
    SETTING_BY_FLAG
} setting_source;

struct serve_settings {
    tk_arena arena;
    const char *values[SETTING_COUNT]; /* NULL: none */
    setting_source sources[SETTING_COUNT];
};

/* settings_read finds every value; INVALID and NOTFOUND name the setting in error->path. */
tasker_status settings_read(serve_settings *settings, const tasker_setting *given, size_t count,
                            tasker_error *error);
void settings_release(serve_settings *settings);

const char *settings_value(const serve_settings *settings, setting_id id);
int64_t settings_number(const serve_settings *settings, setting_id id);
bool settings_on(const serve_settings *settings, setting_id id);

/* settings_lists tells whether a text is one of a value's, between commas; letters of either case. */
bool settings_lists(const serve_settings *settings, setting_id id, tk_str text);

/* settings_write adds {"settings":[…],"file":…}, secrets masked. */
void settings_write(const serve_settings *settings, tk_buf *out);

const char *setting_name(setting_id id);

/* settings_file_read takes "name: value" lines of a YAML file (settings_file.c); those known before
 * (a flag, the environment) stay. */
tasker_status settings_file_read(serve_settings *settings, const char *path, tasker_error *error);

/* settings_take keeps a value by its name; false: there is no such setting. */
bool settings_take(serve_settings *settings, const char *name, const char *value,
                   setting_source source);

#endif
