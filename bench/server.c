/*
 * server.c - the references of the figures on PostgreSQL: the server at TASKER_STORE itself, by libpq.
 *
 *   server chain [TIMES]      ──►  {"p50_ms","p99_ms"}  five one-row commits one after another
 *   server rows CLIENTS [MS]  ──►  {"rows_s"}           one-row inserts, a commit each, by so many at once
 *   server select [TIMES]     ──►  {"p50_ms","p99_ms"}  SELECT 1: a journey to the server and back
 *   server notify [TIMES]     ──►  {"p50_ms","p99_ms"}  NOTIFY by one, until another's socket wakes it
 */
#include "common.h"

#ifdef TK_WITH_POSTGRES

#include <libpq-fe.h>
#include <poll.h>

#define TIMES_MAX 1000000
#define CLIENTS_MAX 64
#define CHAIN_COMMITS 5 /* a submission and four steps */

static const char *server;
static int64_t until_us;
static uint64_t inserted; /* atomic */

static void check(PGconn *connection, PGresult *result, const char *doing) {
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s: %s", doing, PQerrorMessage(connection));
        exit(1);
    }
    PQclear(result);
}

static PGconn *connect_server(void) {
    PGconn *connection = PQconnectdb(server);
    check(connection, PQexec(connection, "SET client_min_messages = error"), "connect");
    return connection;
}

static void prepare_insert(PGconn *connection) {
    check(connection,
          PQprepare(connection, "insert",
                    "INSERT INTO bench_row (text) VALUES ('{\"ok\":true,\"note\":\"about as long as"
                    " a small result\"}')",
                    0, NULL),
          "prepare");
}

static void insert(PGconn *connection) {
    check(connection, PQexecPrepared(connection, "insert", 0, NULL, NULL, NULL, 1), "insert");
}

static void five_commits(PGconn *connection) {
    for (int i = 0; i < CHAIN_COMMITS; i++) {
        insert(connection);
    }
}

static void select_one(PGconn *connection) {
    check(connection, PQexecPrepared(connection, "one", 0, NULL, NULL, NULL, 1), "SELECT 1");
}

/* Notifies on `connection`; `other` is waited for. */
static PGconn *other;

static void notify(PGconn *connection) {
    check(connection, PQexec(connection, "NOTIFY bench"), "NOTIFY");
    PGnotify *note = NULL;
    while (note == NULL) {
        struct pollfd wait = {.fd = PQsocket(other), .events = POLLIN};
        (void)poll(&wait, 1, 1000);
        (void)PQconsumeInput(other);
        note = PQnotifies(other);
    }
    PQfreemem(note);
}

static void measure(PGconn *connection, void (*once)(PGconn *connection), size_t times) {
    int64_t *samples_us = calloc(times, sizeof(*samples_us));
    if (samples_us == NULL) {
        bench_fail("samples", NULL);
    }
    for (size_t i = 0; i < times; i++) {
        int64_t began_us = bench_now_us();
        once(connection);
        samples_us[i] = bench_now_us() - began_us;
    }
    bench_print_latencies(samples_us, times);
    free(samples_us);
}

static void *client(void *argument) {
    (void)argument;
    PGconn *connection = connect_server();
    prepare_insert(connection);
    while (bench_now_us() < until_us) {
        insert(connection);
        __atomic_add_fetch(&inserted, 1, __ATOMIC_RELAXED);
    }
    PQfinish(connection);
    return NULL;
}

static void measure_clients(unsigned long clients, int64_t ms) {
    pthread_t threads[CLIENTS_MAX];
    int64_t began_us = bench_now_us();
    until_us = began_us + ms * 1000;
    for (unsigned long i = 0; i < clients; i++) {
        if (pthread_create(&threads[i], NULL, client, NULL) != 0) {
            bench_fail("thread", NULL);
        }
    }
    for (unsigned long i = 0; i < clients; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("{\"rows_s\":%.0f}\n", (double)inserted * 1e6 / (double)(bench_now_us() - began_us));
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    bool rows = strcmp(what, "rows") == 0;
    unsigned long clients = rows && argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    const char *number = argc > 2 + rows ? argv[2 + rows] : "2000";
    size_t times = strtoul(number, NULL, 10);
    server = getenv("TASKER_STORE");
    if (server == NULL || clients == 0 || clients > CLIENTS_MAX || times == 0 ||
        times > TIMES_MAX) {
        fprintf(stderr, "usage: TASKER_STORE=postgres://... server chain|rows CLIENTS|select|notify"
                        " [TIMES or MS]\n");
        return 2;
    }
    PGconn *connection = connect_server();
    check(connection,
          PQexec(connection, "DROP TABLE IF EXISTS bench_row; CREATE TABLE bench_row"
                             " (id bigserial PRIMARY KEY, text text NOT NULL)"),
          "table");
    prepare_insert(connection);
    if (rows) {
        measure_clients(clients, (int64_t)times);
    } else if (strcmp(what, "chain") == 0) {
        measure(connection, five_commits, times);
    } else if (strcmp(what, "select") == 0) {
        check(connection, PQprepare(connection, "one", "SELECT 1", 0, NULL), "prepare");
        measure(connection, select_one, times);
    } else {
        other = connect_server();
        check(other, PQexec(other, "LISTEN bench"), "LISTEN");
        measure(connection, notify, times);
        PQfinish(other);
    }
    check(connection, PQexec(connection, "DROP TABLE bench_row"), "table");
    PQfinish(connection);
    return 0;
}

#else

int main(void) {
    fprintf(stderr, "this build has no libpq\n");
    return 2;
}

#endif
