/*
 * wire.c - PostgreSQL's protocol as far as a cut needs it: where a message ends, Bind, Execute, Sync; and what
 * is answered: CommandComplete, ErrorResponse, ReadyForQuery.
 */
#include "support/wire.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/store_fixture.h"

#define HEAD 5 /* a message's letter, and its size without that */
#define CHUNK 65536

/* One direction's bytes that are not passed on yet. */
typedef struct stream {
    char *data;
    size_t size, room;
} stream;

/* A client's connection, and its server's. */
typedef struct line {
    wire *w;
    int client, server;
    stream from_client, from_server;
    bool greeted; /* the first message has no letter */
    bool chosen;  /* the statement to be cut at was seen */
    bool muted;   /* the client gets no answer any more */
    bool simple;  /* a text of several statements is under way: they are not counted */
    uint32_t executes, completes, syncs, readies;
    uint32_t chosen_execute; /* its number; 0: not sent yet */
    bool failed;             /* what was sent before failed: the rest of the journey is skipped */
    bool done;
} line;

static bool send_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        data += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool stream_fill(stream *s, int fd) {
    if (s->room - s->size < CHUNK) {
        s->room = s->room * 2 + CHUNK;
        s->data = realloc(s->data, s->room);
        cr_assert_not_null(s->data);
    }
    ssize_t got = recv(fd, s->data + s->size, CHUNK, 0);
    s->size += got > 0 ? (size_t)got : 0;
    return got > 0;
}

static void stream_drop(stream *s, size_t size) {
    s->size -= size;
    memmove(s->data, s->data + size, s->size);
}

/* The size of the first message, 0: it is not all there. */
static size_t message_size(const stream *s, bool letter) {
    size_t at = letter ? 1 : 0;
    if (s->size < at + 4) {
        return 0;
    }
    const uint8_t *bytes = (const uint8_t *)s->data + at;
    size_t size = at + ((size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 |
                        (size_t)bytes[3]);
    return s->size < size ? 0 : size;
}

/* --- what the client says --- */

static void note_name(wire *w, const char *name) {
    for (uint32_t i = 0; i < w->used_count; i++) {
        if (strcmp(w->used[i], name) == 0) {
            return;
        }
    }
    cr_assert_lt(w->used_count, WIRE_NAMES_MAX);
    (void)snprintf(w->used[w->used_count++], WIRE_NAME_BYTES, "%s", name);
}

/* A statement goes by: true when it is the one. Bind has the portal's name, then the statement's. */
static bool chosen_now(line *l, const char *message) {
    wire *w = l->w;
    const char *portal = message + HEAD;
    pthread_mutex_lock(&w->mutex);
    bool chosen = false;
    if (w->armed) {
        note_name(w, portal + strlen(portal) + 1);
        chosen = ++w->seen == w->at && w->mode != WIRE_COUNT;
    }
    pthread_mutex_unlock(&w->mutex);
    return chosen;
}

static void flush(line *l) {
    static const char flush[HEAD] = {'H', 0, 0, 0, 4};
    (void)send_all(l->server, flush, sizeof(flush));
}

static void message_pass(line *l, const char *message, size_t size) {
    if (message[0] == 'B' && !l->chosen && chosen_now(l, message)) {
        l->chosen = true;
        l->muted = true;
        if (l->w->mode == WIRE_BEFORE) {
            l->done = true;
            return;
        }
    }
    l->executes += message[0] == 'E';
    l->simple = l->simple || message[0] == 'Q';
    l->syncs += message[0] == 'S' || message[0] == 'Q';
    if (!send_all(l->server, message, size)) {
        l->done = true;
        return;
    }
    if (message[0] == 'E' && l->chosen && l->chosen_execute == 0) {
        l->chosen_execute = l->executes;
        if (l->w->mode == WIRE_BEHIND) {
            flush(l);
        }
    }
}

static bool held_back(const line *l) {
    return l->done || (l->chosen_execute > 0 && l->w->mode == WIRE_BEHIND);
}

static void client_read(line *l) {
    size_t size;
    while (!held_back(l) && (size = message_size(&l->from_client, l->greeted)) > 0) {
        if (l->greeted) {
            message_pass(l, l->from_client.data, size);
        } else {
            l->greeted = true;
            l->done = !send_all(l->server, l->from_client.data, size);
        }
        stream_drop(&l->from_client, size);
    }
}

/* --- what the server answers --- */

/* Greeting and log-in end with the first ReadyForQuery, which no Sync asked for. */
static void answer_note(line *l, char letter) {
    l->completes += !l->simple && (letter == 'C' || letter == 'I');
    l->simple = l->simple && letter != 'Z';
    l->failed = letter == 'E' || (l->failed && letter != 'Z');
    l->readies += letter == 'Z';
}

static void server_read(line *l) {
    size_t size;
    while ((size = message_size(&l->from_server, true)) > 0) {
        answer_note(l, l->from_server.data[0]);
        if (!l->muted && !send_all(l->client, l->from_server.data, size)) {
            l->done = true;
        }
        stream_drop(&l->from_server, size);
    }
    bool ran = l->failed || l->completes >= l->chosen_execute;
    bool all = l->readies == l->syncs + 1 && l->syncs > 0;
    if (l->chosen_execute > 0) {
        l->done = l->done || (l->w->mode == WIRE_BEHIND ? ran : ran && all);
    }
}

/* --- the thread --- */

static int connect_to(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Passes on until one side goes, the line is cut, or all is over (false). */
static bool line_run(line *l) {
    while (!l->done) {
        struct pollfd fds[3] = {{.fd = l->client, .events = POLLIN},
                                {.fd = l->server, .events = POLLIN},
                                {.fd = l->w->stop[0], .events = POLLIN}};
        if (held_back(l)) {
            fds[0].fd = -1;
        }
        (void)poll(fds, 3, -1);
        if (fds[2].revents != 0) {
            return false;
        }
        if (fds[0].revents != 0) {
            l->done = !stream_fill(&l->from_client, l->client);
            client_read(l);
        }
        if (fds[1].revents != 0 && !l->done) {
            l->done = !stream_fill(&l->from_server, l->server);
            server_read(l);
        }
    }
    return true;
}

static bool line_serve(wire *w, int client) {
    line l = {.w = w, .client = client, .server = connect_to(w->server)};
    bool on = l.server < 0 || line_run(&l);
    if (l.chosen) {
        pthread_mutex_lock(&w->mutex);
        w->cuts++;
        w->armed = false;
        pthread_mutex_unlock(&w->mutex);
    }
    (void)close(l.client);
    if (l.server >= 0) {
        (void)close(l.server);
    }
    free(l.from_client.data);
    free(l.from_server.data);
    return on;
}

static void *serve(void *argument) {
    wire *w = argument;
    for (bool on = true; on;) {
        struct pollfd fds[2] = {{.fd = w->listener, .events = POLLIN},
                                {.fd = w->stop[0], .events = POLLIN}};
        (void)poll(fds, 2, -1);
        int client = fds[1].revents == 0 ? accept(w->listener, NULL, NULL) : -1;
        on = client >= 0 && line_serve(w, client);
    }
    return NULL;
}

/* --- for tests --- */

void wire_open(wire *w, const char *url) {
    *w = (wire){.listener = -1};
    const char *host = strstr(url, "host=");
    cr_assert_not_null(host);
    host += strlen("host=");
    int length = (int)strcspn(host, "&");
    store_fixture_folder(w->folder);
    (void)snprintf(w->url, sizeof(w->url), "%.*s%s%s", (int)(host - url), url, w->folder,
                   host + length);
    (void)snprintf(w->server, sizeof(w->server), "%.*s/.s.PGSQL.5432", length, host);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", w->folder);
    w->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(w->listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(w->listener, 8), 0);
    cr_assert_eq(pipe(w->stop), 0);
    pthread_mutex_init(&w->mutex, NULL);
    cr_assert_eq(pthread_create(&w->thread, NULL, serve, w), 0);
}

void wire_close(wire *w) {
    cr_assert_eq(write(w->stop[1], "", 1), 1);
    pthread_join(w->thread, NULL);
    (void)close(w->listener);
    (void)close(w->stop[0]);
    (void)close(w->stop[1]);
    pthread_mutex_destroy(&w->mutex);
    store_fixture_remove(w->folder);
}

void wire_arm(wire *w, wire_mode mode, uint32_t at) {
    pthread_mutex_lock(&w->mutex);
    w->mode = mode;
    w->at = at;
    w->seen = 0;
    w->armed = true;
    pthread_mutex_unlock(&w->mutex);
}

uint32_t wire_disarm(wire *w) {
    pthread_mutex_lock(&w->mutex);
    w->armed = false;
    uint32_t seen = w->seen;
    pthread_mutex_unlock(&w->mutex);
    return seen;
}
