/* The bounded queue between the pump and the host's threads. */
#include <criterion/criterion.h>

#include "clock.h"
#include "ring.h"

#define ROOM 4

static int items[2 * ROOM];

static tk_ring opened(void) {
    tk_ring ring;
    cr_assert_eq(tk_ring_open(&ring, ROOM, NULL), TASKER_OK);
    return ring;
}

static void *popped(tk_ring *ring) {
    void *item = NULL;
    cr_assert_eq(tk_ring_pop(ring, 0, &item), TASKER_OK);
    return item;
}

static int64_t now_ms(void) {
    return tk_clock_monotonic(&tk_clock_system) / 1000;
}

Test(ring, what_goes_in_comes_out_in_order) {
    tk_ring ring = opened();
    for (int round = 0; round < 3; round++) { /* around the end of the slots too */
        for (int i = 0; i < ROOM - 1; i++) {
            cr_assert(tk_ring_push(&ring, &items[i], false));
        }
        for (int i = 0; i < ROOM - 1; i++) {
            cr_assert_eq(popped(&ring), &items[i]);
        }
    }
    tk_ring_release(&ring);
}

Test(ring, it_takes_as_many_as_it_has_room_for) {
    tk_ring ring = opened();
    for (uint32_t i = 0; i < ROOM; i++) {
        cr_assert(tk_ring_push(&ring, &items[i], false), "item %" PRIu32, i);
        cr_assert_eq(tk_ring_count(&ring), i + 1);
    }
    cr_assert_not(tk_ring_push(&ring, &items[ROOM], false));
    cr_assert_not(tk_ring_push(&ring, &items[ROOM], true));
    cr_assert_eq(tk_ring_count(&ring), ROOM);
    cr_assert_eq(popped(&ring), &items[0]);
    cr_assert(tk_ring_push(&ring, &items[ROOM], false));
    tk_ring_release(&ring);
}

Test(ring, many_go_in_at_once_or_not_at_all) {
    tk_ring ring = opened();
    void *many[ROOM + 1];
    for (int i = 0; i <= ROOM; i++) {
        many[i] = &items[i];
    }
    for (uint32_t inside = 0; inside <= ROOM; inside++) { /* from another slot each time */
        for (uint32_t i = 0; i < inside; i++) {
            cr_assert(tk_ring_push(&ring, &items[ROOM + i], false));
        }
        cr_assert_not(tk_ring_push_all(&ring, many, ROOM - inside + 1));
        cr_assert_eq(tk_ring_count(&ring), inside);
        cr_assert(tk_ring_push_all(&ring, many, ROOM - inside));
        for (uint32_t i = 0; i < ROOM; i++) {
            cr_assert_eq(popped(&ring), i < inside ? &items[ROOM + i] : &items[i - inside]);
        }
    }
    tk_ring_close(&ring);
    cr_assert_not(tk_ring_push_all(&ring, many, 1));
    tk_ring_release(&ring);
}

Test(ring, what_is_pushed_first_comes_out_before_the_rest) {
    tk_ring ring = opened();
    cr_assert(tk_ring_push(&ring, &items[0], false));
    cr_assert(tk_ring_push(&ring, &items[1], true));
    cr_assert(tk_ring_push(&ring, &items[2], true));
    cr_assert_eq(popped(&ring), &items[2]);
    cr_assert_eq(popped(&ring), &items[1]);
    cr_assert_eq(popped(&ring), &items[0]);
    tk_ring_release(&ring);
}

Test(ring, an_item_is_taken_out_wherever_it_is) {
    for (int shift = 0; shift < ROOM; shift++) { /* wherever the ring begins */
        for (int gone = 0; gone < ROOM; gone++) {
            tk_ring ring = opened();
            for (int i = 0; i < shift; i++) {
                cr_assert(tk_ring_push(&ring, &items[0], false));
                (void)popped(&ring);
            }
            for (int i = 0; i < ROOM; i++) {
                cr_assert(tk_ring_push(&ring, &items[i], false));
            }
            cr_assert(tk_ring_remove(&ring, &items[gone]));
            cr_assert_not(tk_ring_remove(&ring, &items[gone]));
            for (int i = 0; i < ROOM; i++) {
                if (i != gone) {
                    cr_assert_eq(popped(&ring), &items[i], "shift %d, %d gone", shift, gone);
                }
            }
            cr_assert_eq(tk_ring_count(&ring), 0);
            tk_ring_release(&ring);
        }
    }
}

Test(ring, an_empty_one_answers_at_once_or_after_the_time_given) {
    tk_ring ring = opened();
    void *item = NULL;
    int64_t began_ms = now_ms();
    cr_assert_eq(tk_ring_pop(&ring, 0, &item), TASKER_TIMEOUT);
    cr_assert_null(item);
    cr_assert_eq(tk_ring_pop(&ring, 30, &item), TASKER_TIMEOUT);
    cr_assert_geq(now_ms() - began_ms, 29);
    tk_ring_release(&ring);
}

Test(ring, a_closed_one_gives_out_what_it_has_and_takes_nothing) {
    tk_ring ring = opened();
    void *item = NULL;
    cr_assert(tk_ring_push(&ring, &items[0], false));
    tk_ring_close(&ring);
    cr_assert_not(tk_ring_push(&ring, &items[1], false));
    cr_assert_eq(popped(&ring), &items[0]);
    cr_assert_eq(tk_ring_pop(&ring, 0, &item), TASKER_CLOSED);
    cr_assert_eq(tk_ring_pop(&ring, -1, &item), TASKER_CLOSED, "a closed ring does not wait");
    tk_ring_release(&ring);
}

/* --- threads --- */

static void *pop_for_ever(void *ring) {
    void *item = NULL;
    tasker_status status = tk_ring_pop(ring, -1, &item);
    return status == TASKER_OK ? item : status == TASKER_TIMEOUT ? &items[6] : &items[7];
}

static void wait_for_waiters(tk_ring *ring, uint32_t count) {
    uint32_t waiting = 0;
    while (waiting < count) {
        pthread_mutex_lock(&ring->mutex);
        waiting = ring->waiting;
        pthread_mutex_unlock(&ring->mutex);
        sched_yield();
    }
}

Test(ring, a_waiting_pop_gets_what_is_pushed, .timeout = 10) {
    tk_ring ring = opened();
    pthread_t thread;
    void *got = NULL;
    cr_assert_eq(pthread_create(&thread, NULL, pop_for_ever, &ring), 0);
    wait_for_waiters(&ring, 1);
    cr_assert(tk_ring_push(&ring, &items[3], false));
    cr_assert_eq(pthread_join(thread, &got), 0);
    cr_assert_eq(got, &items[3]);
    tk_ring_release(&ring);
}

Test(ring, a_wake_sends_one_waiting_pop_back_empty, .timeout = 10) {
    tk_ring ring = opened();
    pthread_t threads[2];
    void *got[2];
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, pop_for_ever, &ring), 0);
    }
    wait_for_waiters(&ring, 2);
    tk_ring_wake(&ring);
    while (ring.waiting == 2) {
        sched_yield();
    }
    cr_assert(tk_ring_push(&ring, &items[3], false));
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pthread_join(threads[i], &got[i]), 0);
    }
    cr_assert((got[0] == &items[6] && got[1] == &items[3]) ||
              (got[1] == &items[6] && got[0] == &items[3]));
    tk_ring_release(&ring);
}

Test(ring, a_wake_that_comes_before_the_pop_is_not_lost, .timeout = 10) {
    tk_ring ring = opened();
    void *item = NULL;
    tk_ring_wake(&ring);
    cr_assert_eq(tk_ring_pop(&ring, -1, &item), TASKER_TIMEOUT);
    tk_ring_release(&ring);
}

Test(ring, closing_sends_every_waiting_pop_back, .timeout = 10) {
    tk_ring ring = opened();
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, pop_for_ever, &ring), 0);
    }
    wait_for_waiters(&ring, 3);
    tk_ring_close(&ring);
    for (int i = 0; i < 3; i++) {
        void *got = NULL;
        cr_assert_eq(pthread_join(threads[i], &got), 0);
        cr_assert_eq(got, &items[7]);
    }
    tk_ring_release(&ring);
}
