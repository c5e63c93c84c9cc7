/*
 * http.c - one connection to a server, through libcurl; see http.h.
 */
#include "http.h"

#include <stdlib.h>

#include "clock.h"
#include "http_curl.h"
#include "json_view.h"

static bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

static void encode(tk_buf *buf, tk_str text) {
    for (size_t i = 0; i < text.size; i++) {
        if (is_plain(text.data[i])) {
            tk_buf_char(buf, text.data[i]);
        } else {
            tk_buf_printf(buf, "%%%02X", (unsigned char)text.data[i]);
        }
    }
}

void http_query(tk_buf *path, const char *name, tk_str value) {
    bool first = path->size == 0 || memchr(path->data, '?', path->size) == NULL;
    tk_buf_printf(path, "%c%s=", first ? '?' : '&', name);
    encode(path, value);
}

void http_segment(tk_buf *path, tk_str value) {
    tk_buf_char(path, '/');
    encode(path, value);
}

#ifdef HTTP_WITH_CURL

struct http {
    const char *base; /* without a slash at its end */
    const char *key;  /* NULL: none */
    bool loopback;
    CURL *curl;       /* NULL before the first request */
    tk_arena scratch; /* of one request: who waits sends many */
};

/* --- address and key -------------------------------------------------------------------------- */

static cli_exit fail_url(cli *c, const char *url) {
    bool bare = strstr(url, "://") == NULL && url[0] != '\0';
    const char *next = bare ? tk_arena_printf(&c->arena, "--server http://%s", url)
                            : "--server http://127.0.0.1:8080";
    return cli_fail(c, CLI_EXIT_USAGE, next,
                    "--server %s: expected http://HOST:PORT or https://...", url);
}

static bool is_loopback(tk_str host) {
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < TK_COUNT_OF(names); i++) {
        if (tk_str_is(host, names[i])) {
            return true;
        }
    }
    return false;
}

/* The name before a port; an address of version 6 stands in brackets. */
static tk_str host_of(const char *url) {
    const char *host = strstr(url, "://") + 3;
    size_t size = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    return (tk_str){host, size};
}

/* A key is one line of printable ASCII, or it could smuggle a header in. */
static cli_exit check_key(cli *c, tk_str key, const char *where) {
    bool good = key.size > 0 && key.size <= HTTP_KEY_BYTES_MAX;
    for (size_t i = 0; good && i < key.size; i++) {
        good = key.data[i] > ' ' && key.data[i] < 0x7f;
    }
    return good ? CLI_EXIT_OK
                : cli_fail(c, CLI_EXIT_USAGE, "tasker key create", "%s holds no API key", where);
}

static cli_exit read_key(cli *c, const char **key) {
    const char *path = cli_value(c, "key-file");
    const char *given = getenv("TASKER_API_KEY");
    tk_str text = tk_str_of(given);
    if (path != NULL) {
        cli_exit code = cli_file(c, path, 2 * HTTP_KEY_BYTES_MAX, &text);
        if (code != CLI_EXIT_OK) {
            return code;
        }
        while (text.size > 0 && strchr("\r\n\t ", text.data[text.size - 1]) != NULL) {
            text.size--;
        }
    } else if (text.size == 0) {
        return CLI_EXIT_OK;
    }
    cli_exit code = check_key(c, text, path == NULL ? "TASKER_API_KEY" : path);
    *key = tk_arena_copy(&c->arena, text.data, text.size);
    return code == CLI_EXIT_OK && *key == NULL ? cli_nomem(c) : code;
}

cli_exit http_open(cli *c, const char *url) {
    bool secure = strncmp(url, "https://", 8) == 0;
    size_t size = strlen(url);
    size_t scheme = secure ? 8 : 7;
    if ((!secure && strncmp(url, "http://", 7) != 0) || size == scheme ||
        strpbrk(url, " ?#@\\\r\n\t") != NULL) {
        return fail_url(c, url);
    }
    while (size > scheme && url[size - 1] == '/') {
        size--;
    }
    http *h = tk_arena_alloc(&c->arena, sizeof(*h));
    const char *base = tk_arena_copy(&c->arena, url, size);
    if (h == NULL || base == NULL) {
        return cli_nomem(c);
    }
    *h = (http){.base = base, .loopback = is_loopback(host_of(base))};
    cli_exit code = read_key(c, &h->key);
    if (code == CLI_EXIT_OK && h->key != NULL && !secure && !h->loopback) {
        cli_note(c, "the key goes to %s unencrypted; https://... protects it", base);
    }
    c->http = h;
    c->url = base;
    return code;
}

tk_arena *http_scratch(cli *c) {
    return &c->http->scratch;
}

void http_close(cli *c) {
    if (c->http != NULL && c->http->curl != NULL) {
        http_curl.curl_easy_cleanup(c->http->curl);
        c->http->curl = NULL;
    }
    if (c->http != NULL) {
        tk_arena_release(&c->http->scratch);
    }
}

/* --- errors ----------------------------------------------------------------------------------- */

static const char serve_command[] = "tasker serve; or --server URL for another address";

/* What went wrong before there was an answer. */
static tasker_status fail_transport(cli *c, CURLcode code, tasker_error *error) {
    const char *base = c->http->base;
    switch (code) {
    case CURLE_COULDNT_CONNECT:
        c->remedy = serve_command;
        return tk_fail(error, TASKER_STORE, "no server answers at %s", base);
    case CURLE_COULDNT_RESOLVE_HOST:
        c->remedy = "--server URL with a name or an address that is known here";
        return tk_fail(error, TASKER_STORE, "the name in %s is not known", base);
    case CURLE_OPERATION_TIMEDOUT:
        c->remedy = serve_command;
        return tk_fail(error, TASKER_TIMEOUT, "%s gave no answer in time", base);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        c->remedy = "TASKER_CA_FILE=FILE, the certificates to be trusted";
        return tk_fail(error, TASKER_STORE, "the certificate of %s is not trusted: %s", base,
                       http_curl.curl_easy_strerror(code));
    case CURLE_SSL_CONNECT_ERROR:
        c->remedy = "--server http://..., if the server has no certificate";
        return tk_fail(error, TASKER_STORE, "%s does not speak TLS as it should: %s", base,
                       http_curl.curl_easy_strerror(code));
    case CURLE_OUT_OF_MEMORY:
        return tk_nomem(error);
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
        c->remedy = "--server https://..., if it has a certificate; or another port";
        return tk_fail(error, TASKER_STORE, "%s does not answer as a server of Tasker", base);
    default:
        c->remedy = serve_command;
        return tk_fail(error, TASKER_STORE, "%s: %s", base, http_curl.curl_easy_strerror(code));
    }
}

/* The words of docs/http.md that are no status of the library's, or mean another thing here. */
static const struct {
    const char *word;
    tasker_status status;
} words[] = {
    {"invalid", TASKER_INVALID},          {"notfound", TASKER_NOTFOUND},
    {"conflict", TASKER_CONFLICT},        {"too_large", TASKER_INVALID},
    {"timeout", TASKER_TIMEOUT},          {"unsupported", TASKER_UNSUPPORTED},
    {"method", TASKER_UNSUPPORTED},       {"unauthorized", TASKER_STORE},
    {"forbidden", TASKER_STORE},          {"rate", TASKER_BUSY},
    {"header_too_large", TASKER_INVALID}, {"media_type", TASKER_UNSUPPORTED},
};

static tasker_status status_of_word(tk_str word) {
    for (size_t i = 0; i < TK_COUNT_OF(words); i++) {
        if (tk_str_is(word, words[i].word)) {
            return words[i].status;
        }
    }
    return TASKER_STORE;
}

static const char *remedy_of(cli *c, tk_str word) {
    if (tk_str_is(word, "unauthorized")) {
        return c->http->key == NULL
                   ? "TASKER_API_KEY or --key-file FILE; `tasker key create` makes one"
                   : "another key: this one is not known, or was revoked";
    }
    if (tk_str_is(word, "forbidden")) {
        return "a key with that permission: tasker key create --permissions ...";
    }
    if (tk_str_is(word, "host")) {
        return "tasker serve --hosts NAME, on the server";
    }
    if (tk_str_is(word, "busy") || tk_str_is(word, "rate")) {
        return "the same again in a moment";
    }
    if (tk_str_is(word, "store")) {
        return "tasker doctor, on the server; its log says more";
    }
    return NULL;
}

/* The server's own error, or that it is none of ours. */
static tasker_status fail_answer(cli *c, long http_status, tk_str body, tasker_error *error) {
    tk_json document = {0};
    if (tk_json_parse(body, CLI_DOCUMENT_BYTES_MAX, &document, NULL) != TASKER_OK ||
        tk_json_member(document, "error").kind != TK_JSON_OBJECT) {
        c->remedy = serve_command;
        return tk_fail(error, TASKER_STORE, "%s does not answer as a server of Tasker (HTTP %ld)",
                       c->http->base, http_status);
    }
    tk_json told = tk_json_member(document, "error");
    tk_str word = json_text(&c->arena, tk_json_member(told, "code"));
    tk_str message = json_text(&c->arena, tk_json_member(told, "message"));
    tk_str path = json_text(&c->arena, tk_json_member(told, "path"));
    tk_str id = json_text(&c->arena, tk_json_member(told, "request_id"));
    c->remedy = remedy_of(c, word);
    if (path.size == 0 && http_status >= 500 &&
        id.size > 0) { /* what the server's log knows it by */
        char *request = tk_arena_printf(&c->arena, "request %.*s", (int)id.size, id.data);
        path = tk_str_of(request);
    }
    return tk_fail_at(error, status_of_word(word), path.data == NULL ? "" : path.data, "%.*s",
                      (int)message.size, message.data == NULL ? "" : message.data);
}

/* --- requests --------------------------------------------------------------------------------- */

/* What comes: collected, or handed on as it comes once it is known to be a stream. */
typedef struct taking {
    http *h;
    tk_buf body;
    http_sink take;
    void *user;
    int64_t heard_us; /* when the last byte came */
    bool ended;       /* by who takes, or by silence */
} taking;

static size_t take_bytes(char *data, size_t size, size_t count, void *user) {
    taking *t = user;
    size_t bytes = size * count;
    long status = 0;
    t->heard_us = tk_clock_monotonic(&tk_clock_system);
    http_curl.curl_easy_getinfo(t->h->curl, CURLINFO_RESPONSE_CODE, &status);
    if (t->take != NULL && status / 100 == 2) {
        t->ended = !t->take(t->user, (tk_str){data, bytes});
        return t->ended ? 0 : bytes;
    }
    if (t->body.size + bytes > CLI_DOCUMENT_BYTES_MAX) {
        return 0;
    }
    tk_buf_add(&t->body, data, bytes);
    return t->body.failed ? 0 : bytes;
}

static int watch_silence(void *user, curl_off_t a, curl_off_t b, curl_off_t x, curl_off_t y) {
    taking *t = user;
    (void)a, (void)b, (void)x, (void)y;
    int64_t gone_us = tk_clock_monotonic(&tk_clock_system) - t->heard_us;
    t->ended = t->ended || gone_us > (int64_t)HTTP_SILENCE_S * 1000000;
    return t->ended ? 1 : 0;
}

static struct curl_slist *add_header(cli *c, struct curl_slist *list, const char *name,
                                     const char *value) {
    const char *line = tk_arena_printf(&c->http->scratch, "%s: %s", name, value);
    struct curl_slist *longer = line == NULL ? NULL : http_curl.curl_slist_append(list, line);
    return longer == NULL ? list : longer;
}

static struct curl_slist *make_headers(cli *c, const http_request *request, const char *last_id) {
    struct curl_slist *list = add_header(c, NULL, "Accept", "application/json, text/event-stream");
    list = add_header(c, list, "Expect", ""); /* no pause before a large body */
    if (request->type != NULL) {
        list = add_header(c, list, "Content-Type", request->type);
    }
    if (c->http->key != NULL) {
        list = add_header(c, list, "Authorization",
                          tk_arena_printf(&c->http->scratch, "Bearer %s", c->http->key));
    }
    if (last_id != NULL && last_id[0] != '\0') {
        list = add_header(c, list, "Last-Event-ID", last_id);
    }
    return list;
}

static void set_options(cli *c, const http_request *request, const char *url, taking *t) {
    __typeof__(http_curl.curl_easy_setopt) set = http_curl.curl_easy_setopt;
    CURL *curl = c->http->curl;
    const char *trusted = getenv("TASKER_CA_FILE");
    set(curl, CURLOPT_URL, url);
    set(curl, CURLOPT_CUSTOMREQUEST, request->method);
    set(curl, CURLOPT_NOSIGNAL, 1L);
    set(curl, CURLOPT_USERAGENT, "tasker/" TASKER_VERSION);
    set(curl, CURLOPT_CONNECTTIMEOUT, (long)HTTP_CONNECT_S);
    set(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    set(curl, CURLOPT_WRITEDATA, t);
    if (request->type != NULL) {
        set(curl, CURLOPT_POSTFIELDS, request->body.data == NULL ? "" : request->body.data);
        set(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
    }
    if (trusted != NULL && trusted[0] != '\0') {
        set(curl, CURLOPT_CAINFO, trusted);
    }
    if (c->http->loopback) {
        set(curl, CURLOPT_NOPROXY, "*");
    }
    if (t->take == NULL) {
        set(curl, CURLOPT_TIMEOUT, (long)HTTP_ANSWER_S);
    } else {
        set(curl, CURLOPT_NOPROGRESS, 0L);
        set(curl, CURLOPT_XFERINFOFUNCTION, watch_silence);
        set(curl, CURLOPT_XFERINFODATA, t);
    }
}

static tasker_status perform(cli *c, const http_request *request, const char *last_id, taking *t,
                             long *http_status, tasker_error *error) {
    http *h = c->http;
    c->remedy = NULL;
    tasker_status status = http_curl_load(error);
    if (status != TASKER_OK) {
        return status;
    }
    h->curl = h->curl == NULL ? http_curl.curl_easy_init() : h->curl;
    tk_arena_reset(&h->scratch);
    const char *url = tk_arena_printf(&h->scratch, "%s%s", h->base, request->path);
    if (h->curl == NULL || url == NULL) {
        return tk_nomem(error);
    }
    t->h = h;
    t->heard_us = tk_clock_monotonic(&tk_clock_system);
    http_curl.curl_easy_reset(h->curl); /* the connection stays */
    struct curl_slist *headers = make_headers(c, request, last_id);
    http_curl.curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
    set_options(c, request, url, t);
    CURLcode code = http_curl.curl_easy_perform(h->curl);
    http_curl.curl_slist_free_all(headers);
    http_curl.curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, http_status);
    if (t->body.failed) {
        return tk_nomem(error);
    }
    bool ended = t->ended && (code == CURLE_WRITE_ERROR || code == CURLE_ABORTED_BY_CALLBACK);
    bool cut = t->take != NULL && *http_status / 100 == 2; /* a stream that ends may end anyhow */
    return code == CURLE_OK || ended || cut ? TASKER_OK : fail_transport(c, code, error);
}

tasker_status http_call_status(cli *c, const http_request *request, long *http_status,
                               tasker_text *answer, tasker_error *error) {
    taking t = {0};
    tasker_status status = perform(c, request, NULL, &t, http_status, error);
    if (status == TASKER_OK) {
        return tk_buf_finish(&t.body, answer, error);
    }
    tk_buf_release(&t.body);
    return status;
}

tasker_status http_call(cli *c, const http_request *request, tasker_text *answer,
                        tasker_error *error) {
    long http_status = 0;
    tasker_status status = http_call_status(c, request, &http_status, answer, error);
    if (status == TASKER_OK && http_status / 100 != 2) {
        status = fail_answer(c, http_status, (tk_str){answer->data, answer->size}, error);
        tasker_text_free(answer);
    }
    return status;
}

tasker_status http_stream(cli *c, const char *path, const char *last_id, http_sink take, void *user,
                          long *http_status, tasker_error *error) {
    const http_request request = {.method = "GET", .path = path};
    taking t = {.take = take, .user = user};
    tasker_status status = perform(c, &request, last_id, &t, http_status, error);
    if (status == TASKER_OK && *http_status / 100 != 2) {
        status = fail_answer(c, *http_status, tk_buf_view(&t.body), error);
    }
    tk_buf_release(&t.body);
    return status;
}

#else

tk_arena *http_scratch(cli *c) {
    return &c->arena;
}

cli_exit http_open(cli *c, const char *url) {
    return cli_fail(c, CLI_EXIT_UNSUPPORTED, "a build where libcurl's header is installed",
                    "this build cannot reach a server (%s)", url);
}

void http_close(cli *c) {
    (void)c;
}

tasker_status http_call_status(cli *c, const http_request *request, long *http_status,
                               tasker_text *answer, tasker_error *error) {
    (void)c, (void)request, (void)http_status, (void)answer;
    return tk_fail(error, TASKER_UNSUPPORTED, "this build cannot reach a server");
}

tasker_status http_call(cli *c, const http_request *request, tasker_text *answer,
                        tasker_error *error) {
    return http_call_status(c, request, NULL, answer, error);
}

tasker_status http_stream(cli *c, const char *path, const char *last_id, http_sink take, void *user,
                          long *http_status, tasker_error *error) {
    (void)path, (void)last_id, (void)take, (void)user;
    return http_call_status(c, NULL, http_status, NULL, error);
}

#endif
