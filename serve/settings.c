/*
 * settings.c - each setting's value: of a flag, else of the environment, else of the file, else its own.
 */
#include "settings.h"

#include <stdlib.h>
#include <strings.h>

#define NUMBER_THREADS_MAX 64

static const struct {
    const char *name, *variable, *standard, *text;
} known[] = {
#define X(id, name, variable, standard, text) {name, variable, standard, text},
    SETTING_MAP(X)
#undef X
};

static const char *const source_names[] = {"default", "file", "environment", "flag"};

const char *setting_name(setting_id id) {
    return known[id].name;
}

const char *settings_value(const serve_settings *settings, setting_id id) {
    return settings->values[id];
}

int64_t settings_number(const serve_settings *settings, setting_id id) {
    const char *value = settings->values[id];
    return value == NULL ? 0 : strtoll(value, NULL, 10);
}

bool settings_on(const serve_settings *settings, setting_id id) {
    const char *value = settings->values[id];
    return value != NULL && strcmp(value, "on") == 0;
}

bool settings_lists(const serve_settings *settings, setting_id id, tk_str text) {
    const char *at = settings->values[id];
    while (at != NULL && *at != '\0') {
        at += strspn(at, ", ");
        size_t size = strcspn(at, ", ");
        if (size == text.size && size > 0 && strncasecmp(at, text.data, size) == 0) {
            return true;
        }
        at += size;
    }
    return false;
}

bool settings_take(serve_settings *settings, const char *name, const char *value,
                   setting_source source) {
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(known[i].name, name) == 0) {
            if (value != NULL && value[0] != '\0' && source >= settings->sources[i]) {
                settings->values[i] = value;
                settings->sources[i] = source;
            }
            return true;
        }
    }
    return false;
}

static const char *environment(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool is_postgres(const char *url) {
    return strncmp(url, "postgres://", 11) == 0 || strncmp(url, "postgresql://", 13) == 0;
}

/* A PostgreSQL in DATABASE_URL stands in for TASKER_STORE, as everywhere. */
static const char *environment_of(setting_id id) {
    const char *value = environment(known[id].variable);
    if (value == NULL && id == SETTING_STORE) {
        value = environment("DATABASE_URL");
        return value != NULL && is_postgres(value) ? value : NULL;
    }
    return value;
}

static tasker_status wrong(setting_id id, const char *value, const char *expected,
                           tasker_error *error) {
    return tk_fail_at(error, TASKER_INVALID, known[id].name, "%s %s: expected %s", known[id].name,
                      value, expected);
}

static tasker_status check(const serve_settings *settings, tasker_error *error) {
    const char *threads = settings->values[SETTING_THREADS];
    char *end = NULL;
    long count = strtol(threads, &end, 10);
    if (*end != '\0' || count < 1 || count > NUMBER_THREADS_MAX) {
        return wrong(SETTING_THREADS, threads, "a whole number from 1 to 64", error);
    }
    const char *log = settings->values[SETTING_ACCESS_LOG];
    if (strcmp(log, "on") != 0 && strcmp(log, "off") != 0) {
        return wrong(SETTING_ACCESS_LOG, log, "on or off", error);
    }
    bool cert = settings->values[SETTING_TLS_CERT] != NULL;
    bool key = settings->values[SETTING_TLS_KEY] != NULL;
    if (cert != key) {
        return tk_fail_at(error, TASKER_INVALID, cert ? "tls_key" : "tls_cert",
                          "tls_cert and tls_key go together: %s is missing",
                          cert ? "tls_key" : "tls_cert");
    }
    const char *origins = settings->values[SETTING_CORS_ORIGINS];
    if (origins != NULL && strchr(origins, '*') != NULL) {
        return wrong(SETTING_CORS_ORIGINS, origins,
                     "origins by their names, as https://ops.example", error);
    }
    return TASKER_OK;
}

tasker_status settings_read(serve_settings *settings, const tasker_setting *given, size_t count,
                            tasker_error *error) {
    *settings = (serve_settings){0};
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        settings->values[i] = known[i].standard;
        settings_take(settings, known[i].name, environment_of((setting_id)i),
                      SETTING_BY_ENVIRONMENT);
    }
    for (size_t i = 0; i < count; i++) {
        char *value = given[i].value == NULL
                          ? NULL
                          : tk_arena_copy(&settings->arena, given[i].value, strlen(given[i].value));
        if (given[i].value != NULL && value == NULL) {
            return tk_nomem(error);
        }
        if (!settings_take(settings, given[i].name, value, SETTING_BY_FLAG)) {
            return tk_fail_at(error, TASKER_INVALID, given[i].name, "there is no setting %s",
                              given[i].name);
        }
    }
    const char *path = settings->values[SETTING_CONFIG];
    tasker_status status = TASKER_OK;
    if (path != NULL) {
        status = settings_file_read(settings, path, error);
    }
    return status == TASKER_OK ? check(settings, error) : status;
}

void settings_release(serve_settings *settings) {
    tk_arena_release(&settings->arena);
}

/* A store's URL without its password, and without what follows a '?', which may hold one too. */
static void write_url(tk_buf *out, const char *url) {
    tk_buf shown = {0};
    size_t end = is_postgres(url) ? strcspn(url, "?") : strlen(url);
    const char *user = is_postgres(url) ? strstr(url, "://") + 3 : url + end;
    const char *host = NULL;
    for (const char *at = user; at < url + end; at++) {
        host = *at == '@' ? at : host;
    }
    const char *secret = host == NULL ? NULL : memchr(user, ':', (size_t)(host - user));
    if (secret == NULL) {
        tk_buf_add(&shown, url, end);
    } else {
        tk_buf_add(&shown, url, (size_t)(secret - url));
        tk_buf_text(&shown, ":***");
        tk_buf_add(&shown, host, (size_t)(url + end - host));
    }
    out->failed = out->failed || shown.failed;
    tk_json_write_member_string(out, "value", tk_buf_view(&shown));
    tk_buf_release(&shown);
}

void settings_write(const serve_settings *settings, tk_buf *out) {
    tk_buf_text(out, "{\"settings\":[");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        tk_json_write_comma(out);
        tk_buf_char(out, '{');
        tk_json_write_member_string(out, "name", tk_str_of(known[i].name));
        if (i == SETTING_STORE) {
            write_url(out, settings->values[i]);
        } else {
            tk_json_write_member_string_or_null(out, "value", tk_str_of(settings->values[i]));
        }
        tk_json_write_member_string(out, "source", tk_str_of(source_names[settings->sources[i]]));
        tk_json_write_member_string(out, "variable", tk_str_of(known[i].variable));
        tk_json_write_member_string(out, "text", tk_str_of(known[i].text));
        tk_buf_char(out, '}');
    }
    tk_buf_char(out, ']');
    tk_json_write_member_string_or_null(out, "file", tk_str_of(settings->values[SETTING_CONFIG]));
    tk_buf_char(out, '}');
}

tasker_status tasker_server_settings(const tasker_setting *given, size_t count, tasker_text *answer,
                                     tasker_error *error) {
    serve_settings settings;
    tk_buf out = {0};
    tasker_status status = settings_read(&settings, given, count, error);
    if (status == TASKER_OK) {
        settings_write(&settings, &out);
        status = tk_buf_finish(&out, answer, error);
    }
    settings_release(&settings);
    return status;
}
