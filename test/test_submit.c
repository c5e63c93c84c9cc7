/* Submissions: what is made of a request, what is refused and where, and what a key does. */
#include "state.h"
#include "support/fault_store.h"
#include "support/ledger.h"

#define REQUEST(members) "{\"name\":\"job\",\"namespace\":\"test\",\"context\":{}" members "}"

static tasker_status submit(ledger *l, const char *request, tk_json *answer) {
    tk_buf buf = {0};
    l->now_us += 1000;
    tasker_status status = tk_submit(&l->engine, tk_str_of(request), &buf, &l->error);
    if (status == TASKER_OK) {
        char *text = tk_arena_copy(&l->arena, buf.data, buf.size);
        cr_assert_eq(tk_json_parse(tk_str_of(text), SIZE_MAX, answer, &l->error), TASKER_OK);
    }
    tk_buf_release(&buf);
    return status;
}

static const char *member(ledger *l, tk_json object, const char *name) {
    tk_str text = {NULL, 0};
    cr_assert(tk_json_string(&l->arena, tk_json_member(object, name), &text));
    return text.data;
}

static uint64_t task_count(ledger *l) {
    tk_check check = {.count = 0};
    cr_assert_eq(tk_check_store(&l->engine, false, &check, &l->error), TASKER_OK);
    cr_assert_eq(check.count, 0, "%s", check.count > 0 ? check.problems[0].detail : "");
    uint64_t tasks = check.tasks;
    tk_check_release(&check);
    return tasks;
}

static uint32_t places(ledger *l, const tk_uuid *task, tk_place_row **rows) {
    uint32_t count = 0;
    tk_store *store = l->engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, place_list, &l->arena, task, rows, &count, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    return count;
}

static tk_task_row load(ledger *l, const tk_uuid *id) {
    tk_task_row row = {0};
    bool found = false;
    tk_store *store = l->engine.store;
    cr_assert_eq(tk_store_call(store, begin, TK_STORE_READ, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, task_load, &l->arena, id, 1, &row, &found, NULL), TASKER_OK);
    cr_assert_eq(tk_store_call(store, commit, NULL), TASKER_OK);
    cr_assert(found);
    return row;
}

static tk_uuid id_of(ledger *l, tk_json answer) {
    tk_uuid id;
    cr_assert(tk_uuid_parse(tk_str_of(member(l, answer, "task_uuid")), &id));
    return id;
}

Test(submit, a_plain_request_makes_a_task_whose_roots_are_ready) {
    ledger l;
    tk_json answer;
    tk_place_row *rows = NULL;
    ledger_open(&l, LEDGER_ROOTS);
    cr_assert_eq(submit(&l, REQUEST(""), &answer), TASKER_OK, "%s", l.error.message);
    tk_uuid id = id_of(&l, answer);
    cr_assert_str_eq(member(&l, answer, "status"), "created");
    cr_assert_str_eq(member(&l, answer, "handler_config_name"), "test/job:1.0.0");
    cr_assert_eq(tk_json_count(tk_json_member(answer, "step_mapping")), 3);
    cr_assert_eq(tk_json_member(answer, "known").kind, TK_JSON_FALSE);
    cr_assert_eq(places(&l, &id, &rows), 2);
    cr_assert(rows[0].place == TK_PLACE_READY && rows[1].place == TK_PLACE_READY);
    cr_assert_eq(rows[0].enqueued_us, l.now_us);
    cr_assert_eq(task_count(&l), 1);
    ledger_close(&l);
}

Test(submit, every_member_is_kept_as_it_was_given) {
    ledger l;
    tk_json answer;
    ledger_open(&l, LEDGER_CHAIN);
    static const char request[] =
        "{\"name\":\"job\",\"namespace\":\"test\",\"version\":\"1.0.0\","
        "\"context\":{\"big\":18446744073709551616, \"x\":[1.10, null]},\"priority\":-7,"
        "\"tags\":[\"red\",\"blue\"],\"initiator\":\"ann\",\"source_system\":\"shop\","
        "\"reason\":\"why not\",\"correlation_id\":\"01A0C450-6BFE-738D-B556-E227E3B70000\","
        "\"parent_correlation_id\":\"01a0c450-6bfe-738d-b556-e227e3b70001\",\"unknown\":[{}]}";
    cr_assert_eq(submit(&l, request, &answer), TASKER_OK, "%s", l.error.message);
    tk_uuid id = id_of(&l, answer);
    tk_task_row row = load(&l, &id);
    cr_assert(tk_str_is(row.context, "{\"big\":18446744073709551616, \"x\":[1.10, null]}"));
    cr_assert(tk_str_is(row.tags, "[\"red\",\"blue\"]"));
    cr_assert(tk_str_is(row.initiator, "ann") && tk_str_is(row.source_system, "shop") &&
              tk_str_is(row.reason, "why not"));
    cr_assert(row.priority == -7 && row.has_correlation && row.has_parent_correlation);
    cr_assert_eq(row.correlation.bytes[15], 0);
    cr_assert_eq(row.parent_correlation.bytes[15], 1);
    ledger_close(&l);
}

Test(submit, a_wrong_member_is_named_and_leaves_nothing_behind) {
    static const struct {
        const char *request, *path;
        tasker_status status;
    } cases[] = {
        {"", "", TASKER_INVALID},
        {"{", "", TASKER_INVALID},
        {"7", "$", TASKER_INVALID},
        {"{\"namespace\":\"test\",\"context\":{}}", "$.name", TASKER_INVALID},
        {"{\"name\":\"\",\"namespace\":\"test\",\"context\":{}}", "$.name", TASKER_INVALID},
        {"{\"name\":\"job\",\"context\":{}}", "$.namespace", TASKER_INVALID},
        {"{\"name\":\"job\",\"namespace\":\"test\"}", "$.context", TASKER_INVALID},
        {"{\"name\":\"job\",\"namespace\":\"test\",\"context\":[]}", "$.context", TASKER_INVALID},
        {"{\"name\":\"nil\",\"namespace\":\"test\",\"context\":{}}", "$.name", TASKER_NOTFOUND},
        {"{\"name\":\"job\",\"namespace\":\"nil\",\"context\":{}}", "$.name", TASKER_NOTFOUND},
        {REQUEST(",\"version\":\"9.9.9\""), "$.name", TASKER_NOTFOUND},
        {REQUEST(",\"priority\":1.5"), "$.priority", TASKER_INVALID},
        {REQUEST(",\"priority\":\"high\""), "$.priority", TASKER_INVALID},
        {REQUEST(",\"tags\":\"red\""), "$.tags", TASKER_INVALID},
        {REQUEST(",\"tags\":[1]"), "$.tags", TASKER_INVALID},
        {REQUEST(",\"bypass_steps\":[\"z\"]"), "$.bypass_steps", TASKER_INVALID},
        {REQUEST(",\"correlation_id\":\"x\""), "$.correlation_id", TASKER_INVALID},
        {REQUEST(",\"run_at\":\"soon\""), "$.run_at", TASKER_INVALID},
        {REQUEST(",\"delay\":-1"), "$.delay", TASKER_INVALID},
        {REQUEST(",\"delay\":\"1\""), "$.delay", TASKER_INVALID},
        {REQUEST(",\"delay\":1,\"run_at\":\"2090-01-01\""), "$.delay", TASKER_INVALID},
        {"[" REQUEST("") ",3]", "$[1]", TASKER_INVALID},
        {"[" REQUEST("") "," REQUEST(",\"priority\":{}") "]", "$[1].priority", TASKER_INVALID},
        {"[" REQUEST("") ",{\"name\":\"nil\",\"namespace\":\"test\",\"context\":{}}]", "$[1].name",
         TASKER_NOTFOUND},
    };
    ledger l;
    tk_json answer;
    ledger_open(&l, LEDGER_CHAIN);
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        l.error = (tasker_error){0};
        tasker_status status = submit(&l, cases[i].request, &answer);
        cr_assert_eq(status, cases[i].status, "%s: %s %s", cases[i].request,
                     tasker_status_name(status), l.error.message);
        if (cases[i].path[0] != '\0') {
            cr_assert_str_eq(l.error.path, cases[i].path, "%s: %s", cases[i].request,
                             l.error.message);
        }
        cr_assert_eq(task_count(&l), 0);
    }
    ledger_close(&l);
}

Test(submit, a_priority_beyond_its_range_is_clamped) {
    static const struct {
        const char *request;
        int32_t priority;
    } cases[] = {{REQUEST(",\"priority\":100"), 100},   {REQUEST(",\"priority\":101"), 100},
                 {REQUEST(",\"priority\":-100"), -100}, {REQUEST(",\"priority\":-101"), -100},
                 {REQUEST(",\"priority\":null"), 0},    {REQUEST(",\"priority\":1e2"), 100}};
    ledger l;
    tk_json answer;
    ledger_open(&l, LEDGER_CHAIN);
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        cr_assert_eq(submit(&l, cases[i].request, &answer), TASKER_OK, "%s", l.error.message);
        tk_uuid id = id_of(&l, answer);
        cr_assert_eq(load(&l, &id).priority, cases[i].priority, "%s", cases[i].request);
    }
    ledger_close(&l);
}

Test(submit, a_task_for_later_waits_for_its_time) {
    ledger l;
    tk_json answer;
    tk_place_row *rows = NULL;
    ledger_open(&l, LEDGER_ROOTS);
    cr_assert_eq(submit(&l, REQUEST(",\"delay\":1.5"), &answer), TASKER_OK);
    tk_uuid id = id_of(&l, answer);
    cr_assert_eq(places(&l, &id, &rows), 2);
    cr_assert_eq(rows[0].place, TK_PLACE_LATER);
    cr_assert_eq(rows[0].run_at_us, l.now_us + 1500000);
    ledger_later(&l, 1500000 - 2000);
    cr_assert_eq(places(&l, &id, &rows), 2);
    cr_assert_eq(rows[0].place, TK_PLACE_LATER);
    ledger_later(&l, 2000);
    cr_assert_eq(places(&l, &id, &rows), 2);
    cr_assert_eq(rows[0].place, TK_PLACE_READY);
    ledger_close(&l);
}

Test(submit, a_time_that_has_passed_is_now) {
    static const char *const requests[] = {REQUEST(",\"run_at\":\"2001-01-01T00:00:00Z\""),
                                           REQUEST(",\"delay\":0")};
    ledger l;
    tk_json answer;
    tk_place_row *rows = NULL;
    ledger_open(&l, LEDGER_CHAIN);
    for (size_t i = 0; i < TK_COUNT_OF(requests); i++) {
        cr_assert_eq(submit(&l, requests[i], &answer), TASKER_OK);
        tk_uuid id = id_of(&l, answer);
        cr_assert_eq(places(&l, &id, &rows), 1);
        cr_assert_eq(rows[0].place, TK_PLACE_READY);
    }
    ledger_close(&l);
}

Test(submit, bypassed_steps_are_resolved_from_the_start) {
    static const struct {
        const char *request;
        const char *ready; /* names of the steps that wait */
        int32_t state;
    } cases[] = {
        {REQUEST(",\"bypass_steps\":[]"), "a", TK_TASK_RUNNING},
        {REQUEST(",\"bypass_steps\":[\"a\"]"), "bc", TK_TASK_RUNNING},
        {REQUEST(",\"bypass_steps\":[\"b\",\"b\"]"), "a", TK_TASK_RUNNING},
        {REQUEST(",\"bypass_steps\":[\"a\",\"b\",\"c\"]"), "d", TK_TASK_RUNNING},
        {REQUEST(",\"bypass_steps\":[\"b\",\"c\"]"), "ad", TK_TASK_RUNNING},
        {REQUEST(",\"bypass_steps\":[\"d\",\"a\",\"b\",\"c\"]"), "", TK_TASK_COMPLETE},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        ledger l;
        tk_json answer;
        tk_place_row *rows = NULL;
        ledger_open(&l, LEDGER_DIAMOND);
        cr_assert_eq(submit(&l, cases[i].request, &answer), TASKER_OK, "%s", l.error.message);
        l.task = id_of(&l, answer);
        uint32_t count = places(&l, &l.task, &rows);
        cr_assert_eq(count, strlen(cases[i].ready), "%s: %" PRIu32, cases[i].request, count);
        for (uint32_t k = 0; k < count; k++) {
            const char *name = l.known->template->steps[rows[k].step].name;
            cr_assert_not_null(strchr(cases[i].ready, name[0]), "%s: %s", cases[i].request, name);
        }
        cr_assert_eq(task_count(&l), 1);
        ledger_close(&l);
    }
}

Test(submit, an_array_makes_all_or_none_and_is_answered_in_order) {
    ledger l;
    tk_json answer;
    ledger_open(&l, LEDGER_CHAIN);
    cr_assert_eq(submit(&l,
                        "[" REQUEST(",\"idempotency_key\":\"x\"") "," REQUEST("") "," REQUEST(
                            ",\"idempotency_key\":\"x\"") "]",
                        &answer),
                 TASKER_OK, "%s", l.error.message);
    cr_assert_eq(answer.kind, TK_JSON_ARRAY);
    cr_assert_eq(tk_json_count(answer), 3);
    tk_uuid ids[3];
    tk_json_iterator it = tk_json_each(answer);
    while (tk_json_next(&it)) {
        ids[it.index] = id_of(&l, it.value);
        cr_assert_eq(tk_json_member(it.value, "known").kind == TK_JSON_TRUE, it.index == 2);
    }
    cr_assert(tk_uuid_equal(&ids[0], &ids[2]), "the same key twice in one call is one task");
    cr_assert_not(tk_uuid_equal(&ids[0], &ids[1]));
    cr_assert_eq(task_count(&l), 2);
    cr_assert_eq(submit(&l, "[]", &answer), TASKER_OK, "%s", l.error.message);
    cr_assert_eq(tk_json_count(answer), 0);
    ledger_close(&l);
}

Test(submit, the_same_key_gives_the_same_task) {
    ledger l;
    tk_json first;
    tk_json second;
    ledger_open(&l, LEDGER_CHAIN);
    cr_assert_eq(submit(&l, REQUEST(",\"idempotency_key\":\"k\""), &first), TASKER_OK);
    cr_assert_eq(submit(&l,
                        "{\"name\":\"job\",\"namespace\":\"test\",\"context\":{\"other\":1},"
                        "\"idempotency_key\":\"k\"}",
                        &second),
                 TASKER_OK);
    cr_assert_str_eq(member(&l, first, "task_uuid"), member(&l, second, "task_uuid"));
    cr_assert_str_eq(member(&l, first, "created_at"), member(&l, second, "created_at"));
    cr_assert_eq(tk_json_member(second, "known").kind, TK_JSON_TRUE);
    cr_assert_eq(tk_json_member(second, "context_differs").kind, TK_JSON_TRUE);
    cr_assert_eq(submit(&l, REQUEST(",\"idempotency_key\":\"k2\""), &second), TASKER_OK);
    cr_assert_str_neq(member(&l, first, "task_uuid"), member(&l, second, "task_uuid"));
    cr_assert_eq(task_count(&l), 2);
    ledger_close(&l);
}

#define STRICT(strategy)                                                                           \
    "name: job\nnamespace_name: test\nversion: 1.0.0\nidentity_strategy: " strategy "\nsteps:\n"   \
    "  - {name: a, handler: {callable: A}}\n"

Test(submit, a_template_may_allow_each_context_once) {
    ledger l;
    tk_json answer;
    ledger_open(&l, STRICT("strict"));
    cr_assert_eq(l.known->template->identity, TK_IDENTITY_STRICT);
    cr_assert_eq(submit(&l, REQUEST(""), &answer), TASKER_OK, "%s", l.error.message);
    cr_assert_eq(submit(&l, REQUEST(""), &answer), TASKER_CONFLICT);
    cr_assert_str_eq(l.error.path, "$.context");
    cr_assert_eq(task_count(&l), 1);
    ledger_close(&l);
}

Test(submit, a_template_may_ask_for_a_key) {
    ledger l;
    tk_json answer;
    ledger_open(&l, STRICT("caller_provided"));
    cr_assert_eq(submit(&l, REQUEST(""), &answer), TASKER_INVALID);
    cr_assert_str_eq(l.error.path, "$.idempotency_key");
    cr_assert_eq(submit(&l, REQUEST(",\"idempotency_key\":\"k\""), &answer), TASKER_OK);
    ledger_close(&l);
}

Test(submit, a_context_is_held_against_the_schema) {
    ledger l;
    tk_json answer;
    ledger_open(&l,
                "name: job\nnamespace_name: test\nversion: 1.0.0\n"
                "input_schema: {type: object, required: [n], properties: {n: {type: integer}}}\n"
                "steps:\n  - {name: a, handler: {callable: A}}\n");
    cr_assert_eq(submit(&l, REQUEST(""), &answer), TASKER_INVALID);
    cr_assert_eq(strncmp(l.error.path, "$.context", 9), 0, "%s", l.error.path);
    ledger_submit(&l, NULL); /* its context is {"n":6} */
    cr_assert_eq(task_count(&l), 1);
    ledger_close(&l);
}

/* --- lost answers --- */

Test(submit, a_commit_whose_answer_is_lost_is_repeated_and_writes_no_error) {
    ledger l;
    tk_fault_plan plan;
    tk_store *inner;
    tasker_error error = {.status = TASKER_BUSY};
    tk_buf answer = {0};
    ledger_open(&l, LEDGER_CHAIN);
    inner = l.engine.store;
    tk_fault_plan_init(&plan);
    cr_assert_eq(tk_fault_store_wrap(inner, &plan, &l.engine.store, NULL), TASKER_OK);
    tk_fault_plan_set(&plan, TK_STORE_OP_commit, 2, TK_FAULT_AFTER); /* the first one reads */
    cr_assert_eq(tk_submit(&l.engine, TK_STR(REQUEST("")), &answer, &error), TASKER_OK);
    cr_assert_eq(plan.fired, 1);
    cr_assert_eq(error.status, TASKER_BUSY, "%s", error.message);
    cr_assert_eq(task_count(&l), 1);
    tk_buf_release(&answer);
    ledger_close(&l);
    tk_fault_plan_release(&plan);
}

/* The key's task goes between two tries, as when it is pruned. */
typedef struct pruner {
    ledger *l;
    tk_store *inner;
    uint64_t commits;
} pruner;

static tk_fault_kind prune_between(void *user, tk_store_operation operation, uint64_t number) {
    pruner *p = user;
    (void)number;
    p->commits += operation == TK_STORE_OP_commit;
    if (operation == TK_STORE_OP_commit && p->commits == 2) { /* the first one reads */
        return TK_FAULT_AFTER;
    }
    if (operation == TK_STORE_OP_begin && p->commits == 2) {
        tk_store *wrapper = p->l->engine.store;
        p->commits = 3;
        p->l->engine.store = p->inner;
        ledger_break(p->l, "DELETE FROM identity; DELETE FROM ready; DELETE FROM counter;"
                           "DELETE FROM task_state; DELETE FROM task;");
        p->l->engine.store = wrapper;
    }
    return TK_FAULT_NONE;
}

Test(submit, a_keys_task_that_goes_between_two_tries_is_made_anew) {
    ledger l;
    tk_fault_plan plan;
    tk_json first;
    tk_json second;
    ledger_open(&l, LEDGER_CHAIN);
    cr_assert_eq(submit(&l, REQUEST(",\"idempotency_key\":\"k\""), &first), TASKER_OK);
    pruner p = {.l = &l, .inner = l.engine.store};
    tk_fault_plan_init(&plan);
    plan.decide = prune_between;
    plan.user = &p;
    cr_assert_eq(tk_fault_store_wrap(p.inner, &plan, &l.engine.store, NULL), TASKER_OK);
    cr_assert_eq(submit(&l, REQUEST(",\"idempotency_key\":\"k\""), &second), TASKER_OK);
    cr_assert_eq(p.commits, 4);
    plan.decide = NULL;
    cr_assert_eq(tk_json_member(second, "known").kind, TK_JSON_FALSE);
    cr_assert_str_neq(member(&l, first, "task_uuid"), member(&l, second, "task_uuid"));
    tk_uuid id = id_of(&l, second);
    (void)load(&l, &id);
    cr_assert_eq(task_count(&l), 1);
    ledger_close(&l);
    tk_fault_plan_release(&plan);
}

/* --- memory --- */

#define WIDE_STEPS 1000
#define WIDE_TASKS 500

static size_t bytes_asked;

static void *resize_counted(void *user, void *old, size_t size) {
    (void)user;
    bytes_asked += size;
    void *memory = realloc(old, size);
    if (old == NULL && memory != NULL) {
        memset(memory, 0, size);
    }
    return memory;
}

static void release_counted(void *user, void *old) {
    (void)user;
    free(old);
}

Test(submit, a_bypassed_step_makes_room_for_what_is_behind_it_only) {
    static const tk_allocator counting = {.resize = resize_counted, .release = release_counted};
    ledger l;
    tk_buf yaml = {0};
    tk_buf request = {0};
    tk_buf_text(&yaml, "name: job\nnamespace_name: test\nversion: 1.0.0\nsteps:\n");
    for (int i = 0; i < WIDE_STEPS; i++) {
        tk_buf_printf(&yaml, "  - {name: s%d, handler: {callable: A}", i);
        if (i > 0) {
            tk_buf_printf(&yaml, ", dependencies: [s%d]", i < 10 ? 0 : i - 9);
        }
        tk_buf_text(&yaml, "}\n");
    }
    ledger_open(&l, yaml.data);
    for (int i = 0; i < WIDE_TASKS; i++) {
        tk_buf_text(&request, i == 0 ? "[" : ",");
        tk_buf_text(&request, REQUEST(",\"bypass_steps\":[\"s0\"]"));
    }
    tk_buf_char(&request, ']');
    tk_buf answer = {0};
    bytes_asked = 0;
    tk_allocator_set(&counting);
    tasker_status status = tk_submit(&l.engine, tk_buf_view(&request), &answer, &l.error);
    tk_buf_release(&answer);
    tk_allocator_set(NULL);
    cr_assert_eq(status, TASKER_OK, "%s", l.error.message);
    /* its progress, and its answer with a buffer that grows; a row for each step would be 60 more */
    cr_assert_lt(bytes_asked / WIDE_TASKS, 150 * WIDE_STEPS, "%zu bytes a task",
                 bytes_asked / WIDE_TASKS);
    tk_buf_release(&yaml);
    tk_buf_release(&request);
    ledger_close(&l);
}
