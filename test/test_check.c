/* test_check.c - sound ledgers pass, and each rule finds the ledger that breaks it. */
#include "support/fail_alloc.h"
#include "support/ledger.h"

static tk_check check(ledger *l, bool at_rest) {
    tk_check result;
    tasker_status status = tk_check_store(&l->engine, at_rest, &result, &l->error);
    cr_assert_eq(status, TASKER_OK, "%s", l->error.message);
    return result;
}

static void expect_sound(ledger *l, bool at_rest) {
    tk_check result = check(l, at_rest);
    cr_assert_eq(result.count, 0, "%s: %s", result.problems[0].rule, result.problems[0].detail);
    tk_check_release(&result);
}

static bool found(const tk_check *result, const char *rule) {
    for (uint32_t i = 0; i < result->count; i++) {
        if (strcmp(result->problems[i].rule, rule) == 0) {
            return true;
        }
    }
    return false;
}

/* --- sound ledgers --- */

Test(check, an_empty_store_is_sound) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    expect_sound(&l, true);
    ledger_close(&l);
}

Test(check, every_stage_of_a_chain_is_sound) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    expect_sound(&l, false);
    tk_lease_row a = ledger_claim(&l, "a");
    expect_sound(&l, false);
    ledger_end(&l, a, TK_OUTCOME_OK, "1", false);
    expect_sound(&l, false);
    ledger_fail(&l, "b", true);
    expect_sound(&l, false);
    ledger_later(&l, 60000000);
    expect_sound(&l, false);
    ledger_lose(&l, "b");
    expect_sound(&l, false);
    ledger_fail(&l, "b", true);
    expect_sound(&l, true); /* three attempts: blocked */
    ledger_retry(&l, "b");
    expect_sound(&l, false);
    ledger_run(&l, "b", "2");
    ledger_by_hand(&l, "c", TK_OUTCOME_COMPLETED, "3");
    expect_sound(&l, true);
    tk_check result = check(&l, true);
    cr_assert_eq(result.tasks, 1);
    cr_assert_eq(result.attempts, 6);
    tk_check_release(&result);
    ledger_close(&l);
}

Test(check, what_people_do_is_sound) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, "\"bypass_steps\":[\"a\"]");
    ledger_fail(&l, "b", true);
    expect_sound(&l, false); /* no backoff: ready at once */
    ledger_fail(&l, "b", true);
    expect_sound(&l, true);
    ledger_by_hand(&l, "b", TK_OUTCOME_RESOLVED, "2");
    ledger_by_hand(&l, "b", TK_OUTCOME_RESOLVED, "3"); /* nobody saw 2 */
    expect_sound(&l, false);
    (void)ledger_claim(&l, "c");
    ledger_by_hand(&l, "b", TK_OUTCOME_RESOLVED, NULL); /* keeps 3 */
    expect_sound(&l, false);
    ledger_by_hand(&l, "c", TK_OUTCOME_RESOLVED, "4");
    expect_sound(&l, true);
    ledger_submit(&l, NULL);
    (void)ledger_claim(&l, "a");
    l.now_us += 1000;
    cr_assert_eq(tk_task_cancel(&l.engine, &l.task, NULL, &l.error), TASKER_OK);
    expect_sound(&l, true);
    ledger_submit(&l, NULL);
    ledger_fail(&l, "a", false);
    ledger_fail(&l, "b", false);
    l.now_us += 1000;
    cr_assert_eq(tk_task_resolve(&l.engine, &l.task, NULL, &l.error), TASKER_OK);
    expect_sound(&l, true);
    ledger_submit(&l, NULL);
    l.now_us += 1000;
    cr_assert_eq(tk_task_fail(&l.engine, &l.task, NULL, &l.error), TASKER_OK);
    expect_sound(&l, true);
    ledger_close(&l);
}

Test(check, a_task_that_begins_later_is_sound) {
    ledger l;
    ledger_open(&l, LEDGER_ROOTS);
    ledger_submit(&l, "\"delay\":60");
    expect_sound(&l, false);
    ledger_by_hand(&l, "a", TK_OUTCOME_COMPLETED, "1"); /* before its time */
    expect_sound(&l, false);
    ledger_later(&l, 61000000);
    expect_sound(&l, false);
    ledger_run(&l, "b", "1");
    ledger_run(&l, "c", "1");
    expect_sound(&l, true);
    ledger_submit(&l, "\"delay\":60");
    ledger_retry(&l, "a"); /* an operator need not wait */
    expect_sound(&l, false);
    ledger_run(&l, "a", "1");
    expect_sound(&l, false);
    ledger_close(&l);
}

/* --- broken ones --- */

/* Each ledger begins as: chain a b c; a done by attempt 1, b failed once (may be tried again) and is
 * claimed a second time; c waits. A second task of the same template was cancelled while a ran. */
static void prepare(ledger *l) {
    ledger_open(l, LEDGER_CHAIN);
    ledger_submit(l, NULL);
    tk_uuid first = l->task;
    ledger_run(l, "a", "1");
    ledger_fail(l, "b", true);
    ledger_later(l, 60000000);
    (void)ledger_claim(l, "b");
    ledger_submit(l, NULL);
    (void)ledger_claim(l, "a");
    l->now_us += 1000;
    cr_assert_eq(tk_task_cancel(&l->engine, &l->task, NULL, &l->error), TASKER_OK);
    l->task = first;
}

typedef struct breakage {
    const char *rule, *sql;
} breakage;

#define ROW_B2 "INSERT INTO attempt SELECT task_id, step_no, 2, n + 1000, 77, worker, "
#define OF_B1                                                                                      \
    " enqueued_at, claimed_at, (SELECT max(updated_at) FROM task_state), result, error, metadata " \
    "FROM attempt WHERE task_id = ?1 AND step_no = 1; "

static const breakage breakages[] = {
    {"integrity", "DELETE FROM task WHERE id = ?1"},
    {"integrity", "INSERT INTO identity VALUES (1, 'job', 'key', zeroblob(16))"},
    {"integrity", "INSERT INTO task_tag VALUES ('tag', zeroblob(16))"},
    {"template", "UPDATE task SET template_id = 99 WHERE id = ?1"},
    {"task-state", "DELETE FROM task_state WHERE task_id = ?1"},
    {"progress-sound", "UPDATE task_state SET open_steps = 3 WHERE task_id = ?1"},
    {"progress-sound", "UPDATE task_state SET failed_steps = 1 WHERE task_id = ?1"},
    {"progress-sound", "UPDATE task_state SET progress = x'000000' WHERE task_id = ?1"},
    {"progress-sound", "UPDATE task_state SET state = 2 WHERE task_id = ?1"},
    {"progress-sound", "UPDATE task_state SET progress = x'0200000701000101ff' WHERE task_id = ?1"},
    {"state-acts", "DELETE FROM act"},
    {"state-acts", "UPDATE act SET kind = 6"},
    {"state-acts", "INSERT INTO act VALUES (?1, 5000, 1900000000000000, 4, -1, 0, NULL, NULL)"},
    {"after-end", "UPDATE attempt SET outcome = 2, n = 5000 WHERE task_id <> ?1"},
    {"after-end", "UPDATE act SET acted_at = 1600000000000000"},
    {"after-end",
     "INSERT INTO act SELECT task_id, 5000, acted_at, 3, 0, 1, actor, reason FROM act"},
    {"ledger-order", "UPDATE attempt SET n = 0"},
    {"ledger-order", "UPDATE attempt SET n = (SELECT max(n) FROM act) WHERE task_id <> ?1"},
    {"time-order", "UPDATE attempt SET finished_at = finished_at + 900000000 WHERE task_id = ?1"},
    {"time-order", "UPDATE attempt SET claimed_at = 5 WHERE task_id = ?1"},
    {"time-order", "UPDATE lease SET claimed_at = 5"},
    {"live-place", "DELETE FROM lease"},
    {"live-place", "UPDATE lease SET step_no = 2"},
    {"live-place", "UPDATE lease SET step_no = 9"},
    {"live-place", "INSERT INTO later SELECT task_id, step_no, 1, 1, 1, 1, 1, 0 FROM lease"},
    {"history-gap", "UPDATE task_state SET progress = x'050000010000000100' WHERE task_id = ?1"},
    {"history-gap", "DELETE FROM attempt WHERE task_id = ?1 AND step_no = 0"},
    {"attempt-step", "UPDATE attempt SET step_no = 7 WHERE task_id = ?1 AND step_no = 1"},
    {"attempt-step", "UPDATE attempt SET token = 0 WHERE task_id = ?1 AND step_no = 1"},
    {"attempt-step", "UPDATE attempt SET worker = 0 WHERE task_id = ?1 AND step_no = 1"},
    {"attempt-step", "UPDATE attempt SET outcome = 9 WHERE task_id = ?1 AND step_no = 1"},
    {"attempt-numbers", "UPDATE attempt SET attempt = 2 WHERE task_id = ?1 AND step_no = 0"},
    {"attempt-numbers", "UPDATE lease SET attempt = 1"},
    {"attempt-numbers", "UPDATE lease SET attempt = 3"},
    {"attempt-limit",
     ROW_B2 "2," OF_B1 "INSERT INTO attempt SELECT task_id, step_no, 3, n + 1, 78, "
            "worker, outcome, enqueued_at, claimed_at, finished_at, result, error, "
            "metadata FROM attempt WHERE task_id = ?1 AND attempt = 2; "
            "UPDATE lease SET attempt = 4"},
    {"retry-allowed", "UPDATE attempt SET error = '{\"retryable\":false}' WHERE step_no = 1"},
    {"results-once", ROW_B2 "1," OF_B1 "UPDATE attempt SET outcome = 1 WHERE step_no = 1"},
    {"results-once",
     "INSERT INTO attempt SELECT task_id, step_no, 2, n + 1000, 77, worker, outcome, "
     "enqueued_at, claimed_at, finished_at, '2', NULL, NULL FROM attempt "
     "WHERE task_id = ?1 AND step_no = 0"},
    {"mark-result", "UPDATE attempt SET outcome = 2 WHERE task_id = ?1 AND step_no = 0"},
    {"mark-result", "UPDATE attempt SET outcome = 1 WHERE task_id = ?1 AND step_no = 1"},
    {"result-stable", "INSERT INTO attempt SELECT task_id, step_no, 2, n + 1000, 0, 0, 6, "
                      "updated_at, updated_at, updated_at, '2', NULL, NULL FROM attempt "
                      "JOIN task_state USING (task_id) WHERE task_id = ?1 AND step_no = 0"},
    {"parents-first", "UPDATE attempt SET n = n + 1000 WHERE task_id = ?1 AND step_no = 0"},
    {"parents-first", "UPDATE attempt SET finished_at = (SELECT claimed_at + 1 FROM attempt "
                      "WHERE task_id = ?1 AND step_no = 1) WHERE task_id = ?1 AND step_no = 0"},
    {"parents-first", "DELETE FROM attempt WHERE task_id = ?1"},
    {"token-unique", "UPDATE attempt SET token = 5 WHERE task_id = ?1"},
    {"act-attempt", "INSERT INTO act VALUES (?1, 5000, 1900000000000000, 3, 1, 7, NULL, NULL)"},
    {"act-attempt", "INSERT INTO act VALUES (?1, 5000, 1900000000000000, 7, 1, 1, NULL, NULL)"},
    {"act-attempt", "INSERT INTO act VALUES (?1, 5000, 1900000000000000, 5, 70, 1, NULL, NULL)"},
    {"run-at", "UPDATE task SET run_at = 1900000000000000 WHERE id = ?1"},
    {"lease-worker", "UPDATE lease SET worker = 99"},
    {"lease-worker", "DELETE FROM worker"},
    {"recount", "UPDATE counter SET tasks = tasks + 1 WHERE state = 1"},
    {"recount", "INSERT INTO counter VALUES (1, 6, 1)"},
    {"recount", "DELETE FROM counter WHERE state = 4"},
    {"recount", "UPDATE lease SET worker = 99"},
    {"at-rest", ""},
};

Test(check, each_rule_finds_what_breaks_it) {
    for (size_t i = 0; i < TK_COUNT_OF(breakages); i++) {
        ledger l;
        prepare(&l);
        expect_sound(&l, false);
        ledger_break(&l, breakages[i].sql);
        tk_check result = check(&l, true);
        cr_expect(found(&result, breakages[i].rule), "%s did not find: %s", breakages[i].rule,
                  breakages[i].sql);
        if (i + 1 < TK_COUNT_OF(breakages)) {
            tk_check_release(&result);
            result = check(&l, false);
            cr_expect_gt(result.count, 0, "only at_rest finds: %s", breakages[i].sql);
        }
        tk_check_release(&result);
        ledger_close(&l);
    }
}

Test(check, a_row_of_the_queue_without_its_mark_is_found) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    ledger_submit(&l, NULL);
    ledger_break(&l, "UPDATE ready SET attempts = 1");
    tk_check result = check(&l, false);
    cr_assert(found(&result, "attempt-numbers"), "a give-back that cost an attempt");
    tk_check_release(&result);
    ledger_break(&l, "UPDATE ready SET step_no = 1, attempts = 0");
    result = check(&l, false);
    cr_assert(found(&result, "live-place"));
    tk_check_release(&result);
    ledger_close(&l);
}

Test(check, problems_are_kept_up_to_their_limit) {
    ledger l;
    ledger_open(&l, LEDGER_CHAIN);
    for (int i = 0; i < TK_PROBLEMS_MAX; i++) {
        ledger_submit(&l, NULL);
    }
    ledger_break(&l, "UPDATE task_state SET open_steps = 9");
    tk_check result = check(&l, false);
    cr_assert_eq(result.count, TK_PROBLEMS_MAX);
    cr_assert(result.problems[0].has_task);
    tk_check_release(&result);
    ledger_close(&l);
}

Test(check, a_store_that_fails_is_told) {
    ledger l;
    prepare(&l);
    ledger_break(&l, "DROP TABLE counter");
    tk_check result;
    cr_assert_eq(tk_check_store(&l.engine, false, &result, &l.error), TASKER_STORE);
    cr_assert_eq(result.count, 0);
    tk_check_release(&result); /* empty, and fine */
    ledger_close(&l);
}

static void check_with_little_memory(void *user) {
    ledger *l = user;
    tk_check result;
    tasker_status status = tk_check_store(&l->engine, true, &result, &l->error);
    cr_assert(status == TASKER_OK || status == TASKER_NOMEM || status == TASKER_STORE, "%s",
              l->error.message);
    cr_assert(status != TASKER_OK || found(&result, "retry-allowed"));
    tk_check_release(&result);
}

Test(check, survives_every_failed_allocation) {
    ledger l;
    prepare(&l);
    ledger_break(&l, "UPDATE attempt SET error = '{\"retryable\":false}' WHERE step_no = 1");
    fail_alloc_report report = fail_alloc_sweep(check_with_little_memory, &l);
    cr_assert_eq(report.leak_at, 0);
    cr_assert_not(report.endless);
    ledger_close(&l);
}
