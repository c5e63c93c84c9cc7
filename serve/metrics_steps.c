/*
 * metrics_steps.c - what steps did since this server began to look: a scrape reads the record from where
 * the last one ended, so that its cost is that of what happened in between, whatever the store holds.
 *
 * A scrape gives up after SCRAPE_US and the next one goes on: nothing is counted twice or left out.
 */
#include <pthread.h>
#include <stdio.h>

#include "clock.h"
#include "metrics.h"

#define SCRAPE_US ((int64_t)500 * 1000)
#define SCRAPE_PAGES_MAX 200
#define CURSOR_BYTES_MAX 128

typedef enum outcome {
    OUTCOME_OK = 0,
    OUTCOME_ERROR,
    OUTCOME_LOST,
    OUTCOME_CANCELLED,
    OUTCOME_BY_HAND,
    OUTCOME_COUNT
} outcome;

static const char *const outcome_words[OUTCOME_COUNT] = {
    [OUTCOME_OK] = "ok",           [OUTCOME_ERROR] = "error",
    [OUTCOME_LOST] = "lost",       [OUTCOME_CANCELLED] = "cancelled",
    [OUTCOME_BY_HAND] = "by_hand",
};

typedef struct tally {
    char name[TASKER_NAME_BYTES_MAX + 1]; /* of the namespace */
    uint64_t submitted;
    uint64_t attempts[OUTCOME_COUNT];
    metrics_histogram execution, wait;
} tally;

/* One look at a time; the last tally is of all namespaces beyond the limit. */
static struct {
    pthread_mutex_t mutex;
    const serve *server; /* whose store the cursor is of */
    char cursor[CURSOR_BYTES_MAX];
    tally tallies[METRICS_NAMESPACES_MAX + 1];
    uint32_t count;
    bool others;
} seen = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static tally *tally_of(tk_str name) {
    for (uint32_t i = 0; i < seen.count; i++) {
        if (tk_str_is(name, seen.tallies[i].name)) {
            return &seen.tallies[i];
        }
    }
    bool full = seen.count == METRICS_NAMESPACES_MAX || name.size > TASKER_NAME_BYTES_MAX;
    if (full || tk_str_is(name, METRICS_OTHER)) {
        seen.others = true;
        return &seen.tallies[METRICS_NAMESPACES_MAX];
    }
    tally *t = &seen.tallies[seen.count++];
    memcpy(t->name, name.data, name.size);
    return t;
}

static outcome outcome_of(tk_json event) {
    tk_json word = tk_json_member(event, "outcome");
    for (uint32_t i = 0; i < OUTCOME_BY_HAND; i++) {
        if (tk_json_string_is(word, tk_str_of(outcome_words[i]))) {
            return (outcome)i;
        }
    }
    return OUTCOME_BY_HAND;
}

static int64_t time_of(tk_arena *arena, tk_json event, const char *name) {
    tk_str text = {NULL, 0};
    int64_t at_us = 0;
    if (!tk_json_string(arena, tk_json_member(event, name), &text) || text.size == 0 ||
        !tk_time_parse(text, &at_us)) {
        return 0;
    }
    return at_us;
}

static void add(metrics_histogram *histogram, int64_t from_us, int64_t to_us) {
    if (from_us > 0 && to_us >= from_us) {
        histogram->buckets[metrics_bucket(to_us - from_us)]++;
        histogram->sum_us += (uint64_t)(to_us - from_us);
    }
}

static void count_event(tk_arena *arena, tk_json event) {
    tk_str name = {NULL, 0};
    tk_json kind = tk_json_member(event, "kind");
    bool named = tk_json_string(arena, tk_json_member(event, "namespace"), &name);
    if (!named || name.size == 0) {
        return;
    }
    if (tk_json_string_is(kind, TK_STR("task"))) {
        tally_of(name)->submitted++;
    } else if (tk_json_string_is(kind, TK_STR("attempt"))) {
        tally *t = tally_of(name);
        outcome ended = outcome_of(event);
        int64_t claimed_us = time_of(arena, event, "claimed_at");
        t->attempts[ended]++;
        if (ended != OUTCOME_BY_HAND) {
            add(&t->execution, claimed_us, time_of(arena, event, "at"));
            add(&t->wait, time_of(arena, event, "enqueued_at"), claimed_us);
        }
    }
}

/* Reads and counts one page; true: there is more. What cannot be read is tried again next time. */
static bool read_page(serve_request *r, tk_arena *arena) {
    tasker_text text = {0};
    tk_json page = {0};
    tk_str next = {NULL, 0};
    char *filter = tk_arena_printf(arena, "{\"after\":\"%s\",\"limit\":1000}",
                                   seen.cursor[0] == '\0' ? "now" : seen.cursor);
    if (filter == NULL ||
        tasker_query(r->store, TASKER_QUERY_EVENTS, tk_str_of(filter), &text, NULL) != TASKER_OK) {
        return false;
    }
    bool more = false;
    if (tk_json_parse((tk_str){text.data, text.size}, TK_BUF_BYTES_MAX, &page, NULL) == TASKER_OK &&
        tk_json_string(arena, tk_json_member(page, "next"), &next) && next.size > 0 &&
        next.size < CURSOR_BYTES_MAX) {
        tk_json_iterator it = tk_json_each(tk_json_member(page, "events"));
        while (tk_json_next(&it)) {
            count_event(arena, it.value);
        }
        memcpy(seen.cursor, next.data, next.size + 1);
        more = tk_json_member(page, "more").kind == TK_JSON_TRUE;
    }
    tasker_text_free(&text);
    return more;
}

static void read_on(serve_request *r) {
    int64_t until_us = tk_clock_monotonic(&tk_clock_system) + SCRAPE_US;
    tk_arena arena = {0};
    if (seen.server != r->server) {
        seen.server = r->server;
        seen.cursor[0] = '\0';
    }
    for (uint32_t i = 0; i < SCRAPE_PAGES_MAX; i++) {
        bool more = read_page(r, &arena);
        tk_arena_reset(&arena);
        if (!more || tk_clock_monotonic(&tk_clock_system) > until_us) {
            break;
        }
    }
    tk_arena_release(&arena);
}

/* --- the document ----------------------------------------------------------------------------- */

static void write_number(tk_buf *buf, const char *name, const char *labels, const char *more,
                         uint64_t number) {
    tk_buf_printf(buf, "%s{%s%s} %" PRIu64 "\n", name, labels, more, number);
}

typedef enum family {
    FAMILY_SUBMITTED,
    FAMILY_EXECUTIONS,
    FAMILY_SUCCESSES,
    FAMILY_FAILURES,
    FAMILY_DURATION,
    FAMILY_WAIT
} family;

static const struct {
    const char *name, *type, *help;
} families[] = {
    [FAMILY_SUBMITTED] = {"tasker_tasks_requests_total", "counter", "Tasks that were submitted"},
    [FAMILY_EXECUTIONS] = {"tasker_steps_executions_total", "counter",
                           "Attempts that ended, by how they did"},
    [FAMILY_SUCCESSES] = {"tasker_steps_successes_total", "counter", "Attempts that succeeded"},
    [FAMILY_FAILURES] = {"tasker_steps_failures_total", "counter",
                         "Attempts that failed or were lost with their worker"},
    [FAMILY_DURATION] = {"tasker_step_execution_duration_milliseconds", "histogram",
                         "From the claim of an attempt to its end"},
    [FAMILY_WAIT] = {"tasker_step_claim_duration_milliseconds", "histogram",
                     "From being ready to the claim"},
};

static void write_outcomes(tk_buf *buf, const char *labels, const tally *t) {
    char more[64];
    for (uint32_t i = 0; i < OUTCOME_COUNT; i++) {
        (void)snprintf(more, sizeof(more), ",outcome=\"%s\"", outcome_words[i]);
        write_number(buf, families[FAMILY_EXECUTIONS].name, labels, more, t->attempts[i]);
    }
}

static void write_tally(tk_buf *buf, family which, const char *labels, const tally *t) {
    const char *name = families[which].name;
    switch (which) {
    case FAMILY_SUBMITTED:
        write_number(buf, name, labels, "", t->submitted);
        break;
    case FAMILY_EXECUTIONS:
        write_outcomes(buf, labels, t);
        break;
    case FAMILY_SUCCESSES:
        write_number(buf, name, labels, "", t->attempts[OUTCOME_OK]);
        break;
    case FAMILY_FAILURES:
        write_number(buf, name, labels, "", t->attempts[OUTCOME_ERROR] + t->attempts[OUTCOME_LOST]);
        break;
    case FAMILY_DURATION:
        metrics_histogram_write(buf, name, labels, &t->execution);
        break;
    case FAMILY_WAIT:
        metrics_histogram_write(buf, name, labels, &t->wait);
        break;
    }
}

static void write_family(tk_buf *buf, family which) {
    metrics_head(buf, families[which].name, families[which].type, families[which].help);
    for (uint32_t i = 0; i <= METRICS_NAMESPACES_MAX; i++) {
        bool other = i == METRICS_NAMESPACES_MAX;
        if (other ? !seen.others : i >= seen.count) {
            continue;
        }
        tk_buf labels = {0};
        metrics_label(&labels, "namespace",
                      other ? TK_STR(METRICS_OTHER) : tk_str_of(seen.tallies[i].name));
        write_tally(buf, which, labels.data == NULL ? "" : labels.data, &seen.tallies[i]);
        buf->failed = buf->failed || labels.failed;
        tk_buf_release(&labels);
    }
}

void metrics_steps_write(serve_request *r, tk_buf *buf) {
    pthread_mutex_lock(&seen.mutex);
    read_on(r);
    for (uint32_t i = 0; i < TK_COUNT_OF(families); i++) {
        write_family(buf, (family)i);
    }
    pthread_mutex_unlock(&seen.mutex);
}
