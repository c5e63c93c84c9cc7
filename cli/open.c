/*
 * open.c - where tasks are: which store or server, and opening it.
 *
 * A server is named by --server, else TASKER_SERVER; a store by --store, else TASKER_STORE, else
 * DATABASE_URL when that is PostgreSQL's, else it is sqlite:tasker.db in the working folder, as in the
 * gem. An option wins over the environment, and there a server over a store.
 */
#include <stdlib.h>

#include "source.h"

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
    const cli_command *command = c->command;
    if (cli_has(c, "server")) {
        return cli_fail(
            c, CLI_EXIT_USAGE,
            tk_arena_printf(&c->arena, "tasker %s %s --store URL", command->group, command->verb),
            "%s %s works on a store, not over a server", command->group, command->verb);
    }
    c->url = store_url(c);
    c->source = &source_store;
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

static const char *server_url(const cli *c) {
    const char *url = cli_value(c, "server");
    return url != NULL || cli_has(c, "store") ? url : environment("TASKER_SERVER");
}

bool cli_server_named(const cli *c) {
    return server_url(c) != NULL;
}

cli_exit cli_open(cli *c, cli_access access) {
    const char *url = server_url(c);
    if (url != NULL && cli_has(c, "store")) {
        return cli_fail(c, CLI_EXIT_USAGE, NULL, "--server and --store: which of them?");
    }
    return url == NULL ? cli_store_open(c, access) : source_server_open(c, url);
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
