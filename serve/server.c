/*
 * server.c - the server from its settings to its end: what tasker_serve.h promises.
 *
 *   settings ─► store, templates, keys ─► a socket ─► jobs, streams, warden ─► libmicrohttpd's thread
 *
 * The warden is a thread that looks once a second for what takes too long.
 */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "inner.h"

enum { BACKLOG = 512, PEM_BYTES_MAX = 1024 * 1024, WARDEN_MS = 1000 };

/* --- the address ------------------------------------------------------------------------------ */

typedef struct address {
    char host[SERVE_HOST_BYTES_MAX];
    char port[8];
} address;

static bool port_is_good(const char *port) {
    char *end = NULL;
    long number = strtol(port, &end, 10);
    return port[0] >= '0' && port[0] <= '9' && *end == '\0' && number <= 65535;
}

/* "host:port", "[::1]:port", ":port" (every address) or "port". */
static bool address_read(const char *text, address *a) {
    const char *colon = strrchr(text, ':');
    size_t size = colon == NULL ? 0 : (size_t)(colon - text);
    const char *host = text;
    const char *port = colon == NULL ? text : colon + 1;
    if (size > 1 && host[0] == '[' && host[size - 1] == ']') {
        host++;
        size -= 2;
    }
    if (size >= sizeof(a->host) || strlen(port) >= sizeof(a->port) || !port_is_good(port)) {
        return false;
    }
    memcpy(a->host, host, size);
    a->host[size] = '\0';
    if (colon == NULL) {
        memcpy(a->host, "127.0.0.1", sizeof("127.0.0.1"));
    }
    memcpy(a->port, port, strlen(port) + 1);
    return true;
}

static bool is_loopback(const struct sockaddr *at) {
    if (at->sa_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, at, sizeof(four));
        return (ntohl(four.sin_addr.s_addr) >> 24) == 127;
    }
    struct sockaddr_in6 six;
    memcpy(&six, at, sizeof(six));
    return at->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
}

static int socket_on(const struct addrinfo *at) {
    int yes = 1;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int failed = errno;
        close(fd);
        errno = failed;
        return -1;
    }
    return fd;
}

static void set_url(serve *server, int fd) {
    struct sockaddr_storage at = {0};
    socklen_t size = sizeof(at);
    char host[SERVE_HOST_BYTES_MAX] = "";
    char port[8] = "";
    getsockname(fd, (struct sockaddr *)&at, &size);
    getnameinfo((struct sockaddr *)&at, size, host, sizeof(host), port, sizeof(port),
                NI_NUMERICHOST | NI_NUMERICSERV);
    bool six = strchr(host, ':') != NULL;
    snprintf(server->url, sizeof(server->url), "%s://%s%s%s:%s", server->tls ? "https" : "http",
             six ? "[" : "", host, six ? "]" : "", port);
}

static tasker_status fail_address(const char *text, const char *why, tasker_status status,
                                  tasker_error *error) {
    return tk_fail_at(error, status, "listen", "listen %s: %s", text, why);
}

/* *fd listens, but nobody is answered yet. */
static tasker_status listen_at(serve *server, int *fd, tasker_error *error) {
    const char *text = settings_value(&server->settings, SETTING_LISTEN);
    address a;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    if (!address_read(text, &a)) {
        return fail_address(text, "expected an address and a port, as 127.0.0.1:8080",
                            TASKER_INVALID, error);
    }
    int answer = getaddrinfo(a.host[0] == '\0' ? NULL : a.host, a.port, &hints, &found);
    if (answer != 0) {
        return fail_address(text, gai_strerror(answer), TASKER_INVALID, error);
    }
    server->loopback = is_loopback(found->ai_addr);
    *fd = socket_on(found);
    int failed = errno;
    freeaddrinfo(found);
    if (*fd < 0 && failed == EADDRINUSE) {
        return fail_address(text, "another process listens there; port 0 takes any that is free",
                            TASKER_BUSY, error);
    }
    if (*fd < 0) {
        return fail_address(text, strerror(failed), TASKER_INVALID, error);
    }
    set_url(server, *fd);
    return TASKER_OK;
}

/* --- what is there before the first answer ---------------------------------------------------- */

static tasker_status put_templates(serve *server, tasker *store, tasker_error *error) {
    const char *folder = settings_value(&server->settings, SETTING_TEMPLATES);
    tasker_text text = {0};
    tk_json report = {0};
    if (folder == NULL) {
        return TASKER_OK;
    }
    tasker_status status = tasker_template_put_directory(store, folder, &text, error);
    if (status != TASKER_OK) {
        return status;
    }
    int64_t failed = 0;
    tk_json_parse((tk_str){text.data, text.size}, TK_BUF_BYTES_MAX, &report, NULL);
    tk_json_int(tk_json_member(report, "failed"), &failed);
    if (failed > 0) {
        serve_log(server, TASKER_LOG_WARN,
                  "%" PRId64 " templates in %s have errors: tasker template check %s", failed,
                  folder, folder);
    }
    tasker_text_free(&text);
    return TASKER_OK;
}

/* The store answers, has its tables and templates, and a key when one is needed. */
static tasker_status prepare_store(serve *server, tasker_error *error) {
    const char *url = settings_value(&server->settings, SETTING_STORE);
    if (strncmp(url, "sqlite::memory:", 15) == 0) {
        return tk_fail_at(error, TASKER_UNSUPPORTED, "store",
                          "a store in memory lives in one handle, the server has several: "
                          "use sqlite:FILE");
    }
    tasker **store = &server->health_queue.store;
    bool required = false;
    tasker_status status = jobs_store(server, store, error);
    if (status == TASKER_OK) {
        status = put_templates(server, *store, error);
    }
    if (status == TASKER_OK) {
        status = keys_required(server->keys, *store, &required, error);
    }
    if (status == TASKER_OK && !server->loopback && !required) {
        status = tk_fail_at(error, TASKER_CONFLICT, "listen",
                            "whoever reaches %s could do everything, as the store has no key: "
                            "make one with tasker key create, or listen on 127.0.0.1",
                            server->url);
    }
    return status;
}

static tasker_status read_pem(serve *server, setting_id id, const char **text,
                              tasker_error *error) {
    const char *path = settings_value(&server->settings, id);
    *text = NULL;
    if (path == NULL) {
        return TASKER_OK;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return tk_fail_at(error, TASKER_NOTFOUND, setting_name(id), "%s: %s", path,
                          strerror(errno));
    }
    char *data = tk_arena_alloc(&server->settings.arena, PEM_BYTES_MAX + 1);
    size_t size = data == NULL ? 0 : fread(data, 1, PEM_BYTES_MAX, file);
    fclose(file);
    if (data == NULL) {
        return tk_nomem(error);
    }
    if (size == 0 || strstr(data, "-----BEGIN ") == NULL) {
        return tk_fail_at(error, TASKER_INVALID, setting_name(id), "%s: no PEM file", path);
    }
    *text = data;
    return TASKER_OK;
}

static tasker_status start_daemon(serve *server, int *fd, tasker_error *error) {
    const char *cert = NULL;
    const char *key = NULL;
    tasker_status status = read_pem(server, SETTING_TLS_CERT, &cert, error);
    if (status == TASKER_OK) {
        status = read_pem(server, SETTING_TLS_KEY, &key, error);
    }
    if (status == TASKER_OK && server->tls && !connection_has_tls()) {
        status = tk_fail_at(error, TASKER_UNSUPPORTED, "tls_cert",
                            "this libmicrohttpd has no TLS: put a proxy in front");
    }
    if (status == TASKER_OK) {
        status = connection_daemon(server, *fd, cert, key, error);
    }
    if (status == TASKER_OK) {
        *fd = -1; /* libmicrohttpd's now */
    }
    return status;
}

/* --- the warden ------------------------------------------------------------------------------- */

static void *watch(void *arg) {
    serve *server = arg;
    pthread_mutex_lock(&server->mutex);
    while (!server->warden_closing) {
        struct timespec until = tk_deadline_in(WARDEN_MS);
        pthread_cond_timedwait(&server->calm, &server->mutex, &until);
        pthread_mutex_unlock(&server->mutex);
        connection_refuse_late(server);
        jobs_refuse_late(server);
        streams_beat(server);
        pthread_mutex_lock(&server->mutex);
    }
    pthread_mutex_unlock(&server->mutex);
    return NULL;
}

static tasker_status start_threads(serve *server, tasker_error *error) {
    tasker_status status = jobs_open(server, error);
    if (status == TASKER_OK) {
        status = streams_open(server, error);
    }
    if (status == TASKER_OK) {
        server->warden_started = pthread_create(&server->warden, NULL, watch, server) == 0;
        if (!server->warden_started) {
            status = tk_fail(error, TASKER_STORE, "a thread could not be started");
        }
    }
    return status;
}

/* --- open, stop, close ------------------------------------------------------------------------ */

static bool init_locks(serve *server) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    bool made = pthread_mutex_init(&server->mutex, NULL) == 0 &&
                pthread_cond_init(&server->calm, &monotonic) == 0 && jobs_init(server) &&
                pthread_mutex_init(&server->streams.mutex, NULL) == 0 &&
                pthread_cond_init(&server->streams.changed, &monotonic) == 0;
    pthread_condattr_destroy(&monotonic);
    return made;
}

static tasker_status open_parts(serve *server, const tasker_server_options *options,
                                tasker_error *error) {
    const tasker_setting *given = options == NULL ? NULL : options->settings;
    size_t count = options == NULL ? 0 : options->setting_count;
    int fd = -1;
    tasker_status status = settings_read(&server->settings, given, count, error);
    server->tls =
        status == TASKER_OK && settings_value(&server->settings, SETTING_TLS_CERT) != NULL;
    if (status == TASKER_OK) {
        status = connection_load(error);
    }
    if (status == TASKER_OK) {
        status = keys_open(&server->keys, error);
    }
    if (status == TASKER_OK) {
        status = listen_at(server, &fd, error);
    }
    if (status == TASKER_OK) {
        status = prepare_store(server, error);
    }
    if (status == TASKER_OK) {
        status = start_threads(server, error);
    }
    if (status == TASKER_OK) {
        status = start_daemon(server, &fd, error);
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

tasker_status tasker_server_open(const tasker_server_options *options, tasker_server **server,
                                 tasker_error *error) {
    *server = NULL;
    if (options != NULL && options->size < sizeof(*options)) {
        return tk_fail(error, TASKER_INVALID, "options.size is sizeof(tasker_server_options)");
    }
    serve *made = tk_alloc(sizeof(*made));
    if (made == NULL || !init_locks(made)) {
        tk_free(made);
        return tk_nomem(error);
    }
    if (options != NULL) {
        made->log = (tk_log){options->log, options->log_user};
    }
    tasker_status status = open_parts(made, options, error);
    if (status != TASKER_OK) {
        tasker_server_close(made);
        return status;
    }
    *server = made;
    return TASKER_OK;
}

const char *tasker_server_url(const tasker_server *server) {
    return server->url;
}

static bool wait_calm(serve *server, int64_t timeout_ms) {
    struct timespec until = tk_deadline_in(timeout_ms);
    bool over = false;
    pthread_mutex_lock(&server->mutex);
    while (server->under_way > 0 && !over) {
        over = pthread_cond_timedwait(&server->calm, &server->mutex, &until) != 0;
    }
    bool calm = server->under_way == 0;
    pthread_mutex_unlock(&server->mutex);
    return calm;
}

tasker_status tasker_server_stop(tasker_server *server, int64_t timeout_ms, tasker_error *error) {
    if (server->daemon == NULL) {
        return TASKER_OK;
    }
    server->stopping = true;
    int fd = connection_quiesce(server);
    if (fd >= 0) {
        close(fd); /* who comes now is refused by the system */
    }
    streams_end(server);
    bool calm = wait_calm(server, timeout_ms);
    if (!calm) {
        jobs_refuse(server);
    }
    jobs_close(server);
    streams_close(server);
    connection_daemon_stop(server);
    return calm ? TASKER_OK
                : tk_fail(error, TASKER_TIMEOUT, "requests were under way after %" PRId64 " ms",
                          timeout_ms);
}

static void stop_warden(serve *server) {
    if (server->warden_started) {
        pthread_mutex_lock(&server->mutex);
        server->warden_closing = true;
        pthread_cond_broadcast(&server->calm);
        pthread_mutex_unlock(&server->mutex);
        pthread_join(server->warden, NULL);
    }
}

void tasker_server_close(tasker_server *server) {
    if (server == NULL) {
        return;
    }
    tasker_server_stop(server, 0, NULL);
    jobs_close(server);
    streams_close(server);
    stop_warden(server);
    keys_close(server->keys);
    settings_release(&server->settings);
    pthread_mutex_destroy(&server->mutex);
    pthread_cond_destroy(&server->calm);
    jobs_release(server);
    pthread_mutex_destroy(&server->streams.mutex);
    pthread_cond_destroy(&server->streams.changed);
    tk_free(server);
}
