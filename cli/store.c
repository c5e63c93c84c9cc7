/*
 * store.c - which store, opening it, and reading from it; and what people call tasks and steps.
 *
 * The store is named by --store, else TASKER_STORE, else DATABASE_URL when that is PostgreSQL's,
 * else it is sqlite:tasker.db in the working folder: as in the gem.
 */
#include <stdlib.h>

#include "cli.h"
#include "id.h"
#include "json_view.h"
#include "suggest.h"

#define STORE_DEFAULT "sqlite:tasker.db"

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_postgres(const char *url) {
    return begins(url, "postgres://") || begins(url, "postgresql://");
}

static const char *environment(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *store_url(const cli *c) {
    const char *url = cli_value(c, "store");
    if (url == NULL) {
        url = environment("TASKER_STORE");
    }
    if (url == NULL) {
        url = environment("DATABASE_URL");
        url = url != NULL && is_postgres(url) ? url : STORE_DEFAULT;
    }
    return url;
}

/* A URL for people: without its password, and without what follows a '?', which may hold one too. */
static const char *url_shown(cli *c, const char *url) {
    const char *user = is_postgres(url) ? strstr(url, "://") + 3 : NULL;
    if (user == NULL) {
        return url;
    }
    const char *host = memchr(user, '@', strcspn(user, "/"));
    const char *secret = host == NULL ? NULL : memchr(user, ':', (size_t)(host - user));
    host = host == NULL ? user : host;
    const char *end = host + strcspn(host, "?");
    for (const char *at = host; at != NULL;) { /* a password may hold an unescaped '@' */
        host = at;
        at = end > host ? memchr(host + 1, '@', (size_t)(end - host - 1)) : NULL;
    }
    const char *shown = secret == NULL
                            ? tk_arena_printf(&c->arena, "%.*s", (int)(end - url), url)
                            : tk_arena_printf(&c->arena, "%.*s:***%.*s", (int)(secret - url), url,
                                              (int)(end - host), host);
    return shown == NULL ? "" : shown;
}

static cli_exit fail_open(cli *c, const tasker_error *error, const char *url) {
    bool plain = !is_postgres(url) && !begins(url, "sqlite:");
    if (error->status == TASKER_INVALID && plain) {
        const char *next = tk_arena_printf(&c->arena, "--store sqlite:%s", url);
        return cli_fail(c, CLI_EXIT_USAGE, next,
                        "--store %s: expected sqlite:FILE or postgres://...", url);
    }
    if (error->status == TASKER_NOTFOUND) {
        return cli_fail(c, CLI_EXIT_STORE,
                        "tasker template put FILE creates it; --store URL names another",
                        "%s (store %s)", error->message, url_shown(c, url));
    }
    tasker_error told = *error;
    if (told.path[0] == '\0') {
        tk_buf place = {0};
        tk_buf_printf(&place, "store %s", url_shown(c, url));
        size_t size = place.size < sizeof(told.path) ? place.size : sizeof(told.path) - 1;
        memcpy(told.path, place.data == NULL ? "" : place.data, place.data == NULL ? 0 : size);
        told.path[place.data == NULL ? 0 : size] = '\0';
        tk_buf_release(&place);
    }
    return cli_fail_error(c, &told, NULL);
}

cli_exit cli_store_open(cli *c, cli_access access) {
    c->url = store_url(c);
    tasker_options options = {
        .size = sizeof(options),
        .environment = cli_value(c, "environment"),
        .read_only = access == CLI_READ,
        .must_exist = access != CLI_CREATE,
    };
    tasker_error error = {0};
    if (tasker_open(c->url, &options, &c->store, &error) != TASKER_OK) {
        return fail_open(c, &error, c->url);
    }
    return CLI_EXIT_OK;
}

cli_exit cli_store_migrate(cli *c, const tasker_migrate_options *options, tk_json *report) {
    tasker_text text = {0};
    tasker_error error = {0};
    c->url = store_url(c);
    bool plain = !is_postgres(c->url) && !begins(c->url, "sqlite:");
    if (tasker_store_migrate(c->url, options, &text, &error) != TASKER_OK) {
        return plain ? fail_open(c, &error, c->url) : cli_fail_error(c, &error, NULL);
    }
    return cli_parse(c, &text, report);
}

cli_exit cli_parse(cli *c, tasker_text *text, tk_json *value) {
    tk_str copy = {NULL, 0};
    bool kept = tk_arena_str(&c->arena, (tk_str){text->data, text->size}, &copy);
    tasker_text_free(text);
    if (!kept) {
        return cli_nomem(c);
    }
    tasker_error error = {0};
    if (tk_json_parse(copy, TK_BUF_BYTES_MAX, value, &error) != TASKER_OK) {
        return cli_fail(c, CLI_EXIT_SYSTEM, NULL, "the library answered no JSON: %s",
                        error.message);
    }
    return CLI_EXIT_OK;
}

/* Where to look for what was not found. */
static const char *list_of(tasker_query_kind kind) {
    switch (kind) {
    case TASKER_QUERY_TEMPLATE:
    case TASKER_QUERY_TEMPLATES:
        return "tasker template list";
    default:
        return "tasker task list";
    }
}

cli_exit cli_query(cli *c, tasker_query_kind kind, tk_str filter, tk_json *answer) {
    tasker_text text = {0};
    tasker_error error = {0};
    if (tasker_query(c->store, kind, filter, &text, &error) != TASKER_OK) {
        const char *next = error.status == TASKER_NOTFOUND ? list_of(kind) : NULL;
        return cli_fail_error(c, &error, next);
    }
    return cli_parse(c, &text, answer);
}

/* --- what people call tasks and steps --------------------------------------------------------- */

static cli_exit newest_task(cli *c, char uuid[TASKER_UUID_SIZE]) {
    tk_json answer = {0};
    cli_exit code = cli_query(c, TASKER_QUERY_TASKS, TK_STR("{\"limit\":1}"), &answer);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    tk_json_iterator it = tk_json_each(tk_json_member(answer, "tasks"));
    if (!tk_json_next(&it)) {
        return cli_fail(c, CLI_EXIT_NOTFOUND, "tasker task submit", "the store has no task yet");
    }
    tk_str text = json_text(&c->arena, tk_json_member(it.value, "task_uuid"));
    if (text.size + 1 != TASKER_UUID_SIZE) {
        return cli_nomem(c);
    }
    memcpy(uuid, text.data, TASKER_UUID_SIZE);
    return CLI_EXIT_OK;
}

static bool parse_uuid(tk_str word, char uuid[TASKER_UUID_SIZE]) {
    tk_uuid id = {{0}};
    if (!tk_uuid_parse(word, &id)) {
        return false;
    }
    tk_uuid_format(&id, uuid);
    return true;
}

cli_exit cli_task_uuid(cli *c, const char *word, char uuid[TASKER_UUID_SIZE]) {
    if (strcmp(word, "last") == 0) {
        return newest_task(c, uuid);
    }
    if (!parse_uuid(tk_str_of(word), uuid)) {
        const char *next = strchr(word, '/') == NULL
                               ? "tasker task list"
                               : tk_arena_printf(&c->arena, "tasker step show %s", word);
        return cli_fail(c, CLI_EXIT_USAGE, next,
                        "%s is no task: expected a UUID of 36 characters, or \"last\"", word);
    }
    return CLI_EXIT_OK;
}

static cli_exit find_step(cli *c, const char *task, tk_json steps, const char *name,
                          char uuid[TASKER_UUID_SIZE]) {
    suggestion best = {0};
    tk_json_iterator it = tk_json_each(steps);
    while (tk_json_next(&it)) {
        tk_str known = json_text(&c->arena, tk_json_member(it.value, "name"));
        if (tk_str_is(known, name)) {
            tk_str id = json_text(&c->arena, tk_json_member(it.value, "step_uuid"));
            return parse_uuid(id, uuid) ? CLI_EXIT_OK : cli_nomem(c);
        }
        if (known.data != NULL) {
            suggest(&best, name, known.data);
        }
    }
    if (best.word != NULL) {
        return cli_fail(c, CLI_EXIT_NOTFOUND, NULL, "the task has no step %s; did you mean %s?",
                        name, best.word);
    }
    return cli_fail(c, CLI_EXIT_NOTFOUND, tk_arena_printf(&c->arena, "tasker task show %s", task),
                    "the task has no step %s", name);
}

cli_exit cli_step_uuid(cli *c, const char *word, char uuid[TASKER_UUID_SIZE]) {
    const char *slash = strchr(word, '/');
    if (slash == NULL) {
        if (!parse_uuid(tk_str_of(word), uuid)) {
            bool last = strcmp(word, "last") == 0;
            return cli_fail(c, CLI_EXIT_USAGE, last ? "tasker task show last" : "tasker task list",
                            "%s is no step: expected a UUID, or TASK/NAME as last/greet", word);
        }
        return CLI_EXIT_OK;
    }
    char task[TASKER_UUID_SIZE];
    char *task_word = tk_arena_copy(&c->arena, word, (size_t)(slash - word));
    cli_exit code = task_word == NULL ? cli_nomem(c) : cli_task_uuid(c, task_word, task);
    if (code != CLI_EXIT_OK) {
        return code;
    }
    char *filter = tk_arena_printf(&c->arena, "{\"task_uuid\":\"%s\"}", task);
    tk_json steps = {0};
    code =
        filter == NULL ? cli_nomem(c) : cli_query(c, TASKER_QUERY_STEPS, tk_str_of(filter), &steps);
    return code == CLI_EXIT_OK ? find_step(c, task, steps, slash + 1, uuid) : code;
}
