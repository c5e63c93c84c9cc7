/*
 * beats.c - which workers live, by their beats as this server saw them; see routes.h.
 *
 * A beat is judged by whether it moves, never by a stored time. A worker of this host whose process is
 * not there is gone at once, unless its beat moves all the same: then it is of another container.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "clock.h"
#include "routes.h"

/* A worker beats every second, an idle one every five: so long after its last beat it is silent. */
#define BEAT_STILL_US ((int64_t)15 * 1000000)
#define BEATS_MAX                                                                                  \
    1024 /* workers that are known; beyond, who was not asked about for longest goes */
#define BEATS_HOST_BYTES_MAX 256

typedef struct known_worker {
    int64_t id, beat;
    int64_t moved_mono_us; /* when the beat was first seen as it is */
    int64_t asked_mono_us; /* 0: the place is free */
    bool missing;          /* at the last look there was no such process */
    bool elsewhere;        /* the process is not one that this host shows */
} known_worker;

static struct {
    pthread_mutex_t mutex;
    known_worker known[BEATS_MAX];
} beats = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Its entry, or the place for it. */
static known_worker *find(int64_t id) {
    known_worker *oldest = &beats.known[0];
    for (size_t i = 0; i < BEATS_MAX; i++) {
        known_worker *at = &beats.known[i];
        if (at->asked_mono_us > 0 && at->id == id) {
            return at;
        }
        oldest = at->asked_mono_us < oldest->asked_mono_us ? at : oldest;
    }
    *oldest = (known_worker){.id = id};
    return oldest;
}

/* `missing`: its process was looked for, and is not there. */
static const char *judge(int64_t id, int64_t beat, bool looked, bool missing) {
    int64_t now_us = tk_clock_monotonic(&tk_clock_system);
    pthread_mutex_lock(&beats.mutex);
    known_worker *w = find(id);
    bool known = w->asked_mono_us > 0;
    bool moved = !known || w->beat != beat;
    if (moved) {
        w->elsewhere = w->elsewhere || (known && looked && missing && w->missing);
        w->beat = beat;
        w->moved_mono_us = now_us;
    }
    w->missing = looked ? missing : w->missing && !moved;
    w->asked_mono_us = now_us;
    bool gone = looked && missing && !w->elsewhere;
    bool runs = now_us - w->moved_mono_us < BEAT_STILL_US;
    pthread_mutex_unlock(&beats.mutex);
    return gone ? "gone" : runs ? "runs" : "silent";
}

bool route_beat_moves(int64_t worker, int64_t beat) {
    return strcmp(judge(worker, beat, false, false), "runs") == 0;
}

static bool is_missing(tk_json worker) {
    char host[BEATS_HOST_BYTES_MAX + 1] = "";
    int64_t process = 0;
    (void)tk_json_int(tk_json_member(worker, "pid"), &process);
    return process > 0 && process <= INT32_MAX && gethostname(host, BEATS_HOST_BYTES_MAX) == 0 &&
           tk_json_string_is(tk_json_member(worker, "host"), tk_str_of(host)) &&
           kill((pid_t)process, 0) != 0 && errno == ESRCH;
}

const char *route_worker_state(tk_json worker) {
    int64_t id = 0;
    int64_t beat = 0;
    (void)tk_json_int(tk_json_member(worker, "worker_id"), &id);
    (void)tk_json_int(tk_json_member(worker, "beat"), &beat);
    return judge(id, beat, true, is_missing(worker));
}
