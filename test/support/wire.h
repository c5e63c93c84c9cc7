/*
 * wire.h - between a client and a PostgreSQL server: counts the statements that go by, and cuts the line at
 * one of them.
 *
 *   driver ──► socket in a folder ──► [wire: a thread] ──► the server's socket
 *
 *     wire_open(&w, url);            w.url leads through it
 *     wire_arm(&w, WIRE_BEHIND, 3);  cuts behind the third statement from here
 *     …
 *     count = wire_disarm(&w);       how many went by; w.used tells which
 *     wire_close(&w);
 *
 * Of a prepared statement the wire reads the name. It cuts once; after that it passes everything on.
 */
#ifndef TEST_WIRE_H
#define TEST_WIRE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_NAMES_MAX 64
#define WIRE_NAME_BYTES 40

typedef enum wire_mode {
    WIRE_COUNT = 0, /* only counts */
    WIRE_BEFORE,    /* the statement does not reach the server */
    WIRE_BEHIND,    /* the server has run it, and nothing behind it */
    WIRE_ANSWER     /* the server has run all of the journey; no answer comes from this one on */
} wire_mode;

typedef struct wire {
    char folder[64];
    char url[256];
    char server[108];
    int listener, stop[2];
    pthread_t thread;
    pthread_mutex_t mutex;
    bool armed;
    wire_mode mode;
    uint32_t at, seen, cuts;
    char used[WIRE_NAMES_MAX][WIRE_NAME_BYTES]; /* each once, in the order of their first time */
    uint32_t used_count;
} wire;

void wire_open(wire *w, const char *url);
void wire_close(wire *w);

void wire_arm(wire *w, wire_mode mode, uint32_t at);
uint32_t wire_disarm(wire *w);

#endif
