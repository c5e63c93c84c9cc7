/*
 * guard.c - who may: the name the server was called by, the page that asks, the key and what it allows.
 *
 *   Host     an address or localhost, or a name of the setting `hosts`: else a page of a foreign name
 *            that resolves to this machine could ask (DNS rebinding)
 *   Origin   the server's own, or one of `cors_origins`: else no browser's page may ask
 *   change   comes with a Content-Type that a form cannot send, or with X-Tasker-Request
 *   key      asked for when the server listens elsewhere than on loopback, or when the store has keys
 */
#include <arpa/inet.h>
#include <strings.h>

#include "keys.h"

/* --- host and origin -------------------------------------------------------------------------- */

static bool is_word(tk_str text, const char *word) {
    return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

/* "name:port", "[::1]:port", "name": without the port, and without brackets. */
static tk_str host_name(tk_str host) {
    if (host.size > 0 && host.data[0] == '[') {
        const char *end = memchr(host.data, ']', host.size);
        return (tk_str){host.data + 1, end == NULL ? 0 : (size_t)(end - host.data) - 1};
    }
    const char *colon = host.size == 0 ? NULL : memchr(host.data, ':', host.size);
    return (tk_str){host.data, colon == NULL ? host.size : (size_t)(colon - host.data)};
}

static bool is_address(tk_str name) {
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char address[16];
    if (name.size == 0 || name.size >= sizeof(text)) {
        return false;
    }
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool host_allowed(const serve *server, tk_str host) {
    tk_str name = host_name(host);
    return host.data == NULL || /* HTTP/1.0: no browser */
           is_word(name, "localhost") || is_address(name) ||
           settings_lists(&server->settings, SETTING_HOSTS, name);
}

/* "https://host:port" of the page against the Host that was asked. A proxy in front may speak TLS for
 * us, so that the scheme says nothing. */
static bool origin_is_own(tk_str origin, tk_str host) {
    const char *begin = origin.size < 8 ? NULL : memmem(origin.data, origin.size, "://", 3);
    if (begin == NULL || host.size == 0) {
        return false;
    }
    size_t left = origin.size - (size_t)(begin + 3 - origin.data);
    return left == host.size && strncasecmp(begin + 3, host.data, left) == 0;
}

static bool is_change(serve_method method) {
    return method != SERVE_GET;
}

/* A page of another origin can send a POST as a form or as plain text without asking first. */
static bool is_deliberate(const serve_exchange *e) {
    static const char *const types[] = {"application/json", "application/x-ndjson",
                                        "application/yaml", "application/x-yaml", "text/yaml"};
    for (size_t i = 0; i < TK_COUNT_OF(types); i++) {
        if (tk_str_is(e->request.content_type, types[i])) {
            return true;
        }
    }
    return e->headers.tasker_request.size > 0;
}

static bool check_origin(serve_exchange *e) {
    serve_request *r = &e->request;
    const serve_headers *h = &e->headers;
    bool own = h->origin.data == NULL || origin_is_own(h->origin, h->host);
    e->cors = h->origin.data != NULL &&
              settings_lists(&r->server->settings, SETTING_CORS_ORIGINS, h->origin);
    if (!own && !e->cors) {
        serve_fail(r, 403, NULL,
                   "pages of another origin may not ask; the setting cors_origins allows one");
        return false;
    }
    bool foreign = h->fetch_site.data != NULL && !is_word(h->fetch_site, "same-origin") &&
                   !is_word(h->fetch_site, "none");
    if (is_change(r->method) && foreign && !e->cors) {
        serve_fail(r, 403, NULL, "a page of another site may not change anything");
        return false;
    }
    return true;
}

bool guard_headers(serve_exchange *e) {
    serve_request *r = &e->request;
    if (!host_allowed(r->server, e->headers.host)) {
        serve_fail(r, 421, NULL,
                   "the server is not called %.*s: name it in the setting hosts, or use an address",
                   (int)(e->headers.host.size < 100 ? e->headers.host.size : 100),
                   e->headers.host.data);
        return false;
    }
    if (!check_origin(e)) {
        return false;
    }
    if (r->method == SERVE_POST && !is_deliberate(e)) {
        serve_fail(r, 415, NULL,
                   "send Content-Type: application/json; without a body, X-Tasker-Request: 1");
        return false;
    }
    return true;
}

/* --- the key ---------------------------------------------------------------------------------- */

/* X-API-Key, or Authorization: Bearer. Data NULL: none. */
static tk_str secret_of(const serve_headers *h) {
    static const char bearer[] = "Bearer ";
    if (h->api_key.data != NULL) {
        return h->api_key;
    }
    tk_str given = h->authorization;
    if (given.size > sizeof(bearer) && strncasecmp(given.data, bearer, sizeof(bearer) - 1) == 0) {
        return (tk_str){given.data + sizeof(bearer) - 1, given.size - (sizeof(bearer) - 1)};
    }
    return (tk_str){NULL, 0};
}

static bool holds(tk_str words, tk_str wanted) {
    const char *colon = memchr(wanted.data, ':', wanted.size);
    size_t resource = colon == NULL ? wanted.size : (size_t)(colon - wanted.data) + 1;
    const char *at = words.data;
    const char *end = words.data + words.size;
    while (at < end) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        tk_str word = {at, blank == NULL ? (size_t)(end - at) : (size_t)(blank - at)};
        bool all = word.size == resource + 1 && word.data[resource] == '*' &&
                   memcmp(word.data, wanted.data, resource) == 0;
        if (all || tk_str_equal(word, wanted)) {
            return true;
        }
        at += word.size + 1;
    }
    return false;
}

bool serve_may(const serve_request *r, const char *permission) {
    return r->caller.permissions.size == 0 || holds(r->caller.permissions, tk_str_of(permission));
}

bool serve_namespace_visible(const serve_request *r, tk_str namespace_name) {
    return r->caller.namespace_name.size == 0 ||
           tk_str_equal(r->caller.namespace_name, namespace_name);
}

static guard_answer refuse(serve_request *r, int status, const char *text) {
    serve_fail(r, status, NULL, "%s", text);
    return GUARD_REFUSED;
}

static guard_answer judge(serve_request *r) {
    const char *permission = r->route->permission;
    if (permission != NULL && !serve_may(r, permission)) {
        serve_fail(r, 403, NULL, "the key %.*s lacks the permission %s", (int)r->caller.name.size,
                   r->caller.name.data, permission);
        return GUARD_REFUSED;
    }
    return GUARD_KNOWN;
}

static guard_answer find_key(serve_exchange *e, tasker *store, tk_str secret) {
    serve_request *r = &e->request;
    tasker_error error = {0};
    serve_caller found = {0};
    if (secret.size > SERVE_KEY_BYTES_MAX) {
        return refuse(r, 401, "there is no such key: tasker key list shows those in force");
    }
    bool known = keys_known(r->server->keys, secret, &r->arena, &found);
    if (!known && store == NULL) {
        return GUARD_ASK;
    }
    tasker_status status =
        known ? TASKER_OK : keys_find(r->server->keys, store, secret, &r->arena, &found, &error);
    if (status == TASKER_NOTFOUND || status == TASKER_INVALID) {
        return refuse(r, 401, "there is no such key: tasker key list shows those in force");
    }
    if (status != TASKER_OK) {
        serve_fail_error(r, &error);
        return GUARD_REFUSED;
    }
    r->caller = found;
    return judge(r);
}

guard_answer guard_caller(serve_exchange *e, tasker *store) {
    serve_request *r = &e->request;
    tk_str secret = secret_of(&e->headers);
    r->caller.name = TK_STR(SERVE_ANONYMOUS);
    if ((r->route->flags & SERVE_PUBLIC) != 0) {
        return GUARD_KNOWN;
    }
    if (secret.size > 0) {
        return find_key(e, store, secret);
    }
    key_required required =
        r->server->loopback ? keys_required_known(r->server->keys) : KEY_REQUIRED;
    if (required == KEY_REQUIRED_UNKNOWN) {
        tasker_error error = {0};
        bool yes = true;
        if (store == NULL) {
            return GUARD_ASK;
        }
        if (keys_required(r->server->keys, store, &yes, &error) != TASKER_OK) {
            serve_fail_error(r, &error);
            return GUARD_REFUSED;
        }
        required = yes ? KEY_REQUIRED : KEY_NOT_REQUIRED;
    }
    if (required == KEY_REQUIRED) {
        return refuse(r, 401,
                      "a key is needed: X-API-Key, or Authorization: Bearer; tasker key create");
    }
    r->caller.actor = e->headers.actor;
    return GUARD_KNOWN;
}
