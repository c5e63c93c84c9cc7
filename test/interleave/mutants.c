/*
 * mutants.c - see mutants.h; the table is what tools/run-interleave-mutants reads.
 */
#include "interleave/mutants.h"

#include <stdio.h>
#include <stdlib.h>

#include "store_postgres.h"

#ifdef TK_MUTANTS

#define TEXT_MAX 8192

/* clang-format off */
static const struct mutant {
    int number;
    const char *says;
    tk_pg_statement statement; /* of those in a text */
    const char *part, *instead; /* NULL: it is in src, or below */
} mutants[] = {
    {13, "a cancel leaves the steps that wait", 0, NULL, NULL},
    {51, "who falls asleep does not look once more", 0, NULL, NULL},
    {52, "a cancel looks at leases before ready", 0, NULL, NULL},
    {53, "the claim's cursor never goes back", 0, NULL, NULL},
    {54, "a sweep trusts stored times", 0, NULL, NULL},
    {55, "pages are read before their task is locked", 0, NULL, NULL},
    {56, "who is judged dead keeps its session", 0, NULL, NULL},
    {57, "beats told early count for time", 0, NULL, NULL},
    {58, "sessions are trusted behind an own reconnect", 0, NULL, NULL},
    {59, "what another holds for long is waited for each time", 0, NULL, NULL},
    {60, "what a busy worker sees in the queue is left there", 0, NULL, NULL},
    {101, "no token in the fence", TK_PG_FINISH, " AND k.token = u.token", ""},
    {102, "a step given back has lost an attempt", TK_PG_LEASE_RETURN, "attempt - 1,", "attempt,"},
    {103, "a sweep without a look at the beat", TK_PG_WORKER_TAKE, "beat = $2::int8",
     "$2::int8 IS NOT NULL"},
    {104, "a step becomes due as it was read, not as it is", TK_PG_DUE_MOVE,
     " FROM d ORDER BY run_at, task_id",
     " FROM later WHERE run_at <= $1::timestamptz ORDER BY run_at, task_id"},
    {105, "a task is not locked", TK_PG_STATE_LOCK, " FOR UPDATE OF s", ""},
    {106, "a beat waits", TK_PG_WORKER_BEAT,
     "(SELECT id FROM worker WHERE id = $1::int4 FOR UPDATE SKIP LOCKED)", "$1::int4"},
    {107, "a claim waits", TK_PG_CLAIM, "FOR UPDATE SKIP LOCKED", "FOR UPDATE"},
    {108, "a sweeper waits for another", TK_PG_WORKER_TAKE, " FOR UPDATE SKIP LOCKED", ""},
    {109, "what is due waits", TK_PG_DUE_MOVE, " FOR UPDATE SKIP LOCKED", ""},
    {110, "a count that is short raises no error", TK_PG_STATE_UPDATE,
     "1 / (count(*) = $8::int8)::int", "1 + 0 * $8::int8"},
    {111, "the short way does not look at the next step", TK_PG_ADVANCE,
     "s.open_steps = p.open  AND substr(s.progress, p.step_no * 3 + 1, 3) = $6::bytea"
     "  AND (p.next < 0 OR substr(s.progress, p.next * 3 + 1, 3) = $8::bytea)",
     "$6::bytea <> $8::bytea"},
    {112, "on the short way a task that is short raises no error", TK_PG_ADVANCE,
     "1 / (count(*) = $10::int8)::int", "1 + 0 * $10::int8"},
    {113, "no token in the fence of the short way", TK_PG_FINISH_ALL, " AND k.token = u.token", ""},
    {114, "on the short way a lease that is short raises no error", TK_PG_FINISH_ALL,
     "1 / (count(*) = $7::int8)::int", "1 + 0 * $7::int8"},
};
/* clang-format on */

/* Puts the changed text into the driver's table before anything is prepared. */
static void replace(const struct mutant *m) {
    static char text[TEXT_MAX];
    const char *old = tk_pg_texts[m->statement];
    const char *at = strstr(old, m->part);
    if (at == NULL) {
        (void)fprintf(stderr, "mutant %d: %s has no text \"%s\" any more\n", m->number,
                      tk_pg_names[m->statement], m->part);
        exit(3);
    }
    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - old), old, m->instead,
                   at + strlen(m->part));
    tk_pg_texts[m->statement] = text;
}

void mutants_choose(const char *number) {
    long chosen = number == NULL ? 0 : strtol(number, NULL, 10);
    for (size_t i = 0; i < TK_COUNT_OF(mutants); i++) {
        if (mutants[i].number == chosen) {
            tk_mutant = (int)chosen;
            if (mutants[i].part != NULL) {
                replace(&mutants[i]);
            }
            printf("mutant %ld: %s\n", chosen, mutants[i].says);
            return;
        }
    }
    if (chosen < 0) {
        for (size_t i = 0; i < TK_COUNT_OF(mutants); i++) {
            printf("%d %s\n", mutants[i].number, mutants[i].says);
        }
        exit(0);
    }
    if (chosen != 0) {
        (void)fprintf(stderr, "there is no mutant %ld\n", chosen);
        exit(3);
    }
}

/* --- faults of a driver ----------------------------------------------------------------------- */

static const tk_driver *driver;

/* As a join would that locks the first page and reads the others. */
static tasker_status lock_with_older_pages(tk_store *store, tk_arena *arena, const tk_uuid *ids,
                                           uint32_t count, tk_state_row *rows, bool *found,
                                           tasker_error *error) {
    tk_state_row *older = tk_arena_array(arena, count, sizeof(*older));
    if (older == NULL) {
        return tk_nomem(error);
    }
    tasker_status status = driver->state_load(store, arena, ids, count, older, found, error);
    if (status == TASKER_OK) {
        status = driver->sync(store, error);
    }
    if (status == TASKER_OK) {
        status = driver->state_lock(store, arena, ids, count, rows, found, error);
    }
    if (status == TASKER_OK) {
        status = driver->sync(store, error);
    }
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        size_t size = rows[i].progress_bytes;
        size_t first = size < TK_STATE_PAGE_BYTES ? size : TK_STATE_PAGE_BYTES;
        memcpy(rows[i].progress + first, older[i].progress + first, size - first);
        memcpy(rows[i].progress + size + first, older[i].progress + first, size - first);
    }
    return status;
}

void mutants_plant(tk_store *inner, tk_fault_plan *plan) {
    static tk_driver other;
    plan->keep_sessions = tk_mutant == 56;
    if (tk_mutant == 55) {
        driver = driver == NULL ? inner->driver : driver;
        other = *driver;
        other.state_lock = lock_with_older_pages;
        inner->driver = &other;
    }
}

#else

void mutants_choose(const char *number) {
    (void)number;
}

void mutants_plant(tk_store *inner, tk_fault_plan *plan) {
    (void)inner;
    (void)plan;
}

#endif
