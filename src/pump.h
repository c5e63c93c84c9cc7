/*
 * pump.h - the thread that runs a worker's turns.
 */
#ifndef TK_PUMP_H
#define TK_PUMP_H

#include "handle.h"

/* tk_pump_run is the thread: turns until the worker is to stop, then the drain. */
void *tk_pump_run(void *worker);

/* tk_pump_drain ends a worker on the calling thread. Returns OK, TIMEOUT (handlers were still running
 * at the deadline), STORE. */
tasker_status tk_pump_drain(tasker_worker *worker);

#endif
