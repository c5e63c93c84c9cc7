/*
 * lists.c - how long readers wait on a store that fill.c made: lists, overviews, events, beside the
 * smallest reading there is.
 *
 *   lists URL [ROUNDS]  ──►  a table: what is read, rows, P50, P99
 */
#include "common.h"

#define ROUNDS_MAX 10000

typedef struct reading {
    const char *what;
    tasker_query_kind kind;
    const char *filter;
} reading;

static const reading readings[] = {
    {"a template (the smallest reading)", TASKER_QUERY_TEMPLATES, "{\"name\":\"list_1\"}"},
    {"newest 50", TASKER_QUERY_TASKS, "{}"},
    {"newest 1,000", TASKER_QUERY_TASKS, "{\"limit\":1000}"},
    {"page 100 of 100", TASKER_QUERY_TASKS, "{\"page\":100,\"per_page\":100}"},
    {"a namespace", TASKER_QUERY_TASKS, "{\"namespace\":\"space_1\"}"},
    {"a template", TASKER_QUERY_TASKS, "{\"name\":\"list_7\"}"},
    {"running", TASKER_QUERY_TASKS, "{\"state\":\"running\"}"},
    {"running of a template", TASKER_QUERY_TASKS, "{\"state\":\"running\",\"name\":\"list_7\"}"},
    {"complete, behind the backlog", TASKER_QUERY_TASKS, "{\"state\":\"complete\"}"},
    {"complete of a template", TASKER_QUERY_TASKS, "{\"state\":\"complete\",\"name\":\"list_7\"}"},
    {"blocked", TASKER_QUERY_TASKS, "{\"state\":\"blocked_by_failures\"}"},
    {"blocked of a namespace", TASKER_QUERY_TASKS,
     "{\"state\":\"blocked_by_failures\",\"namespace\":\"space_0\"}"},
    {"cancelled of a template", TASKER_QUERY_TASKS,
     "{\"state\":\"cancelled\",\"name\":\"list_10\"}"},
    {"tag of a half", TASKER_QUERY_TASKS, "{\"tag\":\"all\"}"},
    {"tag of the older half", TASKER_QUERY_TASKS, "{\"tag\":\"old\"}"},
    {"tag of a thousandth", TASKER_QUERY_TASKS, "{\"tag\":\"rare\"}"},
    {"tag of a hundred-thousandth", TASKER_QUERY_TASKS, "{\"tag\":\"seldom\"}"},
    {"tag that nobody has", TASKER_QUERY_TASKS, "{\"tag\":\"none\"}"},
    {"rare tag, complete", TASKER_QUERY_TASKS, "{\"tag\":\"rare\",\"state\":\"complete\"}"},
    {"rare tag, running", TASKER_QUERY_TASKS, "{\"tag\":\"rare\",\"state\":\"running\"}"},
    {"rare tag, blocked", TASKER_QUERY_TASKS,
     "{\"tag\":\"rare\",\"state\":\"blocked_by_failures\"}"},
    {"rare tag of a template", TASKER_QUERY_TASKS, "{\"tag\":\"rare\",\"name\":\"list_1\"}"},
    {"old tag, running", TASKER_QUERY_TASKS, "{\"tag\":\"old\",\"state\":\"running\"}"},
    {"initiator of a fiftieth", TASKER_QUERY_TASKS, "{\"initiator\":\"ann\"}"},
    {"initiator that few have", TASKER_QUERY_TASKS, "{\"initiator\":\"bob\"}"},
    {"initiator and source of a template", TASKER_QUERY_TASKS,
     "{\"initiator\":\"bob\",\"source_system\":\"shop\",\"name\":\"list_7\"}"},
    {"correlation", TASKER_QUERY_TASKS,
     "{\"correlation_id\":\"01a0c450-6df4-7400-8400-000001f40000\"}"},
    {"idempotency key", TASKER_QUERY_TASKS, "{\"idempotency_key\":\"key-5000\"}"},
    {"a minute of the past", TASKER_QUERY_TASKS,
     "{\"created_after\":\"2026-09-21T14:15:00Z\",\"created_before\":\"2026-09-21T14:16:00Z\"}"},
    {"a minute of the past, complete", TASKER_QUERY_TASKS,
     "{\"created_after\":\"2026-09-21T14:15:00Z\",\"created_before\":\"2026-09-21T14:16:00Z\","
     "\"state\":\"complete\"}"},
    {"overview", TASKER_QUERY_COUNTS, "{}"},
    {"overview of a namespace", TASKER_QUERY_COUNTS, "{\"namespace\":\"space_1\"}"},
    {"workers", TASKER_QUERY_WORKERS, "{}"},
    {"first 1,000 events", TASKER_QUERY_EVENTS, "{\"limit\":1000}"},
    {"events, nothing new", TASKER_QUERY_EVENTS, "{\"after\":\"now\"}"},
};

static int compare(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

/* How often a member begins: as many as there are tasks (or events). */
static unsigned rows_of(const char *text, const char *member) {
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, member)) != NULL; at++) {
        count++;
    }
    return count;
}

static void read_once(tasker *handle, const reading *r, tasker_text *answer) {
    tasker_error error = {0};
    tasker_bytes filter = {r->filter, strlen(r->filter)};
    if (tasker_query(handle, r->kind, filter, answer, &error) != TASKER_OK) {
        bench_fail(r->what, &error);
    }
}

static int64_t measure(tasker *handle, const reading *r, int rounds, int64_t *samples_us) {
    tasker_text answer = {0};
    for (int i = 0; i < rounds; i++) {
        tasker_text_free(&answer);
        int64_t began_us = bench_now_us();
        read_once(handle, r, &answer);
        samples_us[i] = bench_now_us() - began_us;
    }
    qsort(samples_us, (size_t)rounds, sizeof(*samples_us), compare);
    int64_t worst_us = samples_us[(rounds * 99 - 1) / 100];
    bool cut = strstr(answer.data, "\"next\":\"") != NULL &&
               rows_of(answer.data, "\"named_task_uuid\"") < 50;
    printf("| %-36s | %5u%s | %8.2f | %8.2f |\n", r->what,
           rows_of(answer.data, "\"named_task_uuid\"") + rows_of(answer.data, "\"id\":\""),
           r->kind == TASKER_QUERY_TASKS && cut ? "+" : " ", (double)samples_us[rounds / 2] / 1000,
           (double)worst_us / 1000);
    fflush(stdout);
    tasker_text_free(&answer);
    return worst_us;
}

int main(int argc, char **argv) {
    static int64_t samples_us[ROUNDS_MAX];
    int rounds = argc == 3 ? atoi(argv[2]) : 100;
    tasker_options options = {.size = sizeof(options), .must_exist = true};
    tasker_error error = {0};
    tasker *handle = NULL;
    if (argc < 2 || argc > 3 || rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: lists URL [ROUNDS]\n");
        return 2;
    }
    if (tasker_open(argv[1], &options, &handle, &error) != TASKER_OK) {
        bench_fail("open", &error);
    }
    printf("| read                                 |  rows  |  P50 ms  |  P99 ms  |\n"
           "|--------------------------------------|--------|----------|----------|\n");
    int64_t worst_us = 0;
    for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
        int64_t us = measure(handle, &readings[i], rounds, samples_us);
        worst_us = us > worst_us ? us : worst_us;
    }
    printf("\nworst P99: %.1f ms; `+`: enough was looked at, `next` goes on\n",
           (double)worst_us / 1000);
    tasker_close(handle);
    return 0;
}
