/*
 * wake.c - an eventfd that a sleeping pump waits on, beside the store's own descriptor.
 */
#include "wake.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

tasker_status tk_wake_open(tk_wake *wake, tasker_error *error) {
    wake->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake->fd < 0) {
        return tk_fail(error, TASKER_STORE,
                       "no eventfd can be had: raise the limit of open files (ulimit -n)");
    }
    return TASKER_OK;
}

void tk_wake_close(tk_wake *wake) {
    if (wake->fd >= 0) {
        close(wake->fd);
        wake->fd = -1;
    }
}

void tk_wake_raise(tk_wake *wake) {
    uint64_t one = 1;
    ssize_t written = write(wake->fd, &one, sizeof(one)); /* full means: raised already */
    (void)written;
}

bool tk_wake_wait(tk_wake *wake, int other, int64_t timeout_us) {
    struct pollfd fds[2] = {{.fd = wake->fd, .events = POLLIN}, {.fd = other, .events = POLLIN}};
    struct timespec timeout = {.tv_sec = (time_t)(timeout_us / 1000000),
                               .tv_nsec = (long)(timeout_us % 1000000) * 1000};
    int raised = ppoll(fds, other >= 0 ? 2 : 1, &timeout, NULL);
    if (raised > 0 && fds[0].revents != 0) {
        uint64_t count = 0;
        ssize_t taken = read(wake->fd, &count, sizeof(count));
        (void)taken;
    }
    return raised > 0 && fds[1].revents != 0;
}
