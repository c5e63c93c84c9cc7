/*
 * busy.c - a thread that writes one line again and again; see busy.h.
 */
#include "busy.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"

static void *tell(void *arg) {
    const busy *b = arg;
    int64_t began_us = tk_clock_monotonic(&tk_clock_system);
    struct pollfd stop = {.fd = b->stop[0], .events = POLLIN};
    bool told = false;
    while (poll(&stop, 1, BUSY_AFTER_MS) == 0) {
        int64_t gone_us = tk_clock_monotonic(&tk_clock_system) - began_us;
        int percent = b->percent;
        fprintf(stderr, "\r%s, %" PRId64 " s", b->what, gone_us / 1000000);
        if (percent >= 0) {
            fprintf(stderr, ", %d %%", percent);
        }
        int64_t count = b->count;
        if (count > 0) {
            fprintf(stderr, ", %" PRId64 " tasks", count);
        }
        told = true;
    }
    if (told) {
        fputs("\r\x1b[K", stderr);
    }
    return NULL;
}

void busy_begin(busy *b, const char *what) {
    *b = (busy){.what = what, .percent = -1};
    if (isatty(STDERR_FILENO) != 1 || pipe2(b->stop, O_CLOEXEC) != 0) {
        return;
    }
    b->running = pthread_create(&b->thread, NULL, tell, b) == 0;
    if (!b->running) {
        close(b->stop[0]);
        close(b->stop[1]);
    }
}

void busy_end(busy *b) {
    if (b->running) {
        close(b->stop[1]);
        pthread_join(b->thread, NULL);
        close(b->stop[0]);
        b->running = false;
    }
}
