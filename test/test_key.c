/* Keys of the HTTP server: made once, found by their secret, revoked for good; the same on each store. */
#include "key.h"
#include "secret.h"
#include "support/fail_alloc.h"
#include "support/store_file.h"
#include "support/store_fixture.h"

static const tasker_act act = {.actor = "ann", .reason = "for the shop"};

/* The tables' owner makes keys. */
static tk_engine owner_of(store_fixture *fx) {
    bool owns = strcmp(fx->url, fx->owner_url) == 0;
    return (tk_engine){
        .store = owns ? fx->store : store_file_open(fx->owner_url),
        .clock = &tk_clock_system,
        .random = &tk_random_system,
    };
}

static void owner_leave(store_fixture *fx, const tk_engine *engine) {
    if (engine->store != fx->store) {
        tk_store_close(engine->store);
    }
}

static const char *kept(store_fixture *fx, tk_buf *buf) {
    const char *text = tk_arena_copy(&fx->arena, buf->data, buf->size);
    tk_buf_release(buf);
    return text;
}

/* Makes a key and returns the answer. */
static const char *make(store_fixture *fx, tk_engine *engine, const char *request) {
    tk_buf buf = {0};
    tasker_status status = tk_key_create(engine, tk_str_of(request), &act, &buf, &fx->error);
    cr_assert_eq(status, TASKER_OK, "%s: %s", fx->kind, fx->error.message);
    return kept(fx, &buf);
}

static tk_str secret_of(const char *answer) {
    const char *at = strstr(answer, "\"secret\":\"");
    cr_assert_not_null(at, "%s", answer);
    return (tk_str){at + strlen("\"secret\":\""), TK_SECRET_SIZE - 1};
}

static const char *find(store_fixture *fx, tk_engine *engine, tk_str secret) {
    tk_buf buf = {0};
    tasker_status status = tk_key_find(engine, secret, &buf, &fx->error);
    cr_assert_eq(status, TASKER_OK, "%s: %s", fx->kind, fx->error.message);
    return kept(fx, &buf);
}

STORE_TEST(key, a_secret_finds_its_key_and_no_other_does) {
    tk_engine engine = owner_of(fx);
    const char *shop = make(fx, &engine,
                            "{\"name\":\"shop\",\"permissions\":[\"tasks:*\", \"steps:read\"],"
                            "\"namespace\":\"shop\"}");
    const char *all = make(fx, &engine, "{\"name\":\"all\",\"permissions\":[\"tasks:read\"]}");
    cr_assert_not(tk_str_equal(secret_of(shop), secret_of(all)));
    cr_assert(strncmp(secret_of(all).data, "tsk_", 4) == 0, "%s", all);
    const char *found = find(fx, &engine, secret_of(shop));
    cr_assert_not_null(strstr(found,
                              "\"name\":\"shop\",\"permissions\":[\"tasks:*\",\"steps:read\"],"
                              "\"namespace\":\"shop\",\"revoked\":false}"),
                       "%s: %s", fx->kind, found);
    cr_assert_null(strstr(found, "secret"));
    found = find(fx, &engine, secret_of(all));
    cr_assert_not_null(strstr(found, "\"namespace\":null,\"revoked\":false}"), "%s", found);
    char wrong[TK_SECRET_SIZE];
    memcpy(wrong, secret_of(all).data, TK_SECRET_SIZE - 1);
    wrong[TK_SECRET_SIZE - 2] = wrong[TK_SECRET_SIZE - 2] == '0' ? '1' : '0';
    tk_buf buf = {0};
    const tk_str others[] = {
        {wrong, TK_SECRET_SIZE - 1}, {wrong, TK_SECRET_SIZE - 2}, {"", 0}, {NULL, 0}};
    for (size_t i = 0; i < TK_COUNT_OF(others); i++) {
        cr_assert_eq(tk_key_find(&engine, others[i], &buf, &fx->error), TASKER_NOTFOUND);
        cr_assert_eq(buf.size, 0);
    }
    owner_leave(fx, &engine);
}

STORE_TEST(key, a_revoked_key_stays_in_the_list_with_who_and_why) {
    static const tasker_act lost = {.actor = "bob", .reason = "it was lost"};
    tk_engine engine = owner_of(fx);
    tk_buf buf = {0};
    const char *made = make(fx, &engine, "{\"name\":\"a\",\"permissions\":[\"tasks:read\"]}");
    cr_assert_eq(tk_key_revoke(&engine, TK_STR("b"), &lost, &fx->error), TASKER_NOTFOUND);
    cr_assert_eq(tk_key_revoke(&engine, TK_STR("a"), &lost, &fx->error), TASKER_OK, "%s",
                 fx->error.message);
    cr_assert_not_null(strstr(find(fx, &engine, secret_of(made)), "\"revoked\":true"));
    cr_assert_eq(tk_key_revoke(&engine, TK_STR("a"), &lost, &fx->error), TASKER_NOTFOUND,
                 "no key in force has the name");
    cr_assert_eq(tk_key_revoke(&engine, TK_STR("1"), &lost, &fx->error), TASKER_CONFLICT, "%s: %s",
                 fx->kind, fx->error.message);
    (void)make(fx, &engine, "{\"name\":\"a\",\"permissions\":[\"tasks:read\"]}");
    cr_assert_eq(tk_key_list(&engine, &buf, &fx->error), TASKER_OK);
    const char *list = kept(fx, &buf);
    cr_assert_not_null(strstr(list, "\"created_by\":\"ann\",\"created_reason\":\"for the shop\""));
    cr_assert_not_null(strstr(list, "\"revoked_by\":\"bob\",\"revoked_reason\":\"it was lost\"}"));
    cr_assert_not_null(strstr(list, "\"revoked_at\":null,\"revoked_by\":null"), "%s", list);
    cr_assert_null(strstr(list, "hash"));
    cr_assert_null(strstr(list, "tsk_"));
    owner_leave(fx, &engine);
}

STORE_TEST(key, a_wrong_request_is_refused_with_its_place) {
    static const struct {
        const char *request, *path, *message;
        tasker_status status;
    } cases[] = {
        {"{\"name\":\"b\",\"permissions\":[\"tasks:read\",\"tasks:fly\"]}", "$.permissions[1]",
         "templates:write", TASKER_INVALID},
        {"{\"name\":\"b\",\"permissions\":[\"*\"]}", "$.permissions[0]", "RESOURCE:*",
         TASKER_INVALID},
        {"{\"name\":\"b\",\"permissions\":[\"task:*\"]}", "$.permissions[0]", "", TASKER_INVALID},
        {"{\"name\":\"b\",\"permissions\":[\"tasks:\"]}", "$.permissions[0]", "", TASKER_INVALID},
        {"{\"name\":\"b\",\"permissions\":[7]}", "$.permissions[0]", "", TASKER_INVALID},
        {"{\"name\":\"b\",\"permissions\":[]}", "$.permissions", "array", TASKER_INVALID},
        {"{\"name\":\"b\"}", "$.permissions", "array", TASKER_INVALID},
        {"{\"permissions\":[\"tasks:read\"]}", "$.name", "128", TASKER_INVALID},
        {"{\"name\":\"\",\"permissions\":[\"tasks:read\"]}", "$.name", "", TASKER_INVALID},
        {"{\"name\":\"a\\nb\",\"permissions\":[\"tasks:read\"]}", "$.name", "", TASKER_INVALID},
        {"{\"name\":\"b\",\"namespace\":1,\"permissions\":[\"tasks:read\"]}", "$.namespace", "",
         TASKER_INVALID},
        {"[]", "$", "object", TASKER_INVALID},
        {"{\"name\":\"a\",\"permissions\":[\"tasks:read\"]}", "$.name", "revoke", TASKER_CONFLICT},
    };
    tk_engine engine = owner_of(fx);
    (void)make(fx, &engine, "{\"name\":\"a\",\"permissions\":[\"tasks:read\"]}");
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_buf buf = {0};
        tasker_status status =
            tk_key_create(&engine, tk_str_of(cases[i].request), &act, &buf, &fx->error);
        cr_assert_eq(status, cases[i].status, "%s: %s", fx->kind, cases[i].request);
        cr_assert_str_eq(fx->error.path, cases[i].path, "%s", cases[i].request);
        cr_assert_not_null(strstr(fx->error.message, cases[i].message), "%s", fx->error.message);
        cr_assert_eq(buf.size, 0);
    }
    owner_leave(fx, &engine);
}

STORE_TEST(key, the_role_that_runs_reads_keys_and_makes_none) {
    tk_engine engine = owner_of(fx);
    tk_engine running = engine;
    running.store = fx->store;
    const char *made = make(fx, &engine, "{\"name\":\"a\",\"permissions\":[\"tasks:read\"]}");
    (void)find(fx, &running, secret_of(made));
    if (engine.store != fx->store) {
        tk_buf buf = {0};
        tasker_status status =
            tk_key_create(&running, TK_STR("{\"name\":\"b\",\"permissions\":[\"tasks:read\"]}"),
                          &act, &buf, &fx->error);
        cr_assert_eq(status, TASKER_STORE, "%s", fx->error.message);
        cr_assert_eq(tk_key_revoke(&running, TK_STR("a"), &act, &fx->error), TASKER_STORE);
    }
    owner_leave(fx, &engine);
}

Test(key, a_fingerprint_is_the_standards) {
    static const char expected[] =
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    uint8_t hash[TK_SECRET_HASH_BYTES];
    char text[2 * TK_SECRET_HASH_BYTES + 1];
    cr_assert_eq(tk_secret_hash(TK_STR("abc"), hash, NULL), TASKER_OK);
    for (size_t i = 0; i < sizeof(hash); i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", hash[i]);
    }
    cr_assert_str_eq(text, expected);
}

Test(key, the_check_of_a_store_sees_keys_that_cannot_be) {
    const tk_key_row good = {.hash = {"01234567890123456789012345678901", 32},
                             .name = TK_STR("a"),
                             .permissions = TK_STR("[\"tasks:*\"]"),
                             .created_us = 2};
    cr_assert_null(tk_key_fault(&good));
    tk_key_row bad = good;
    bad.hash.size = 31;
    cr_assert_not_null(tk_key_fault(&bad));
    bad = good;
    bad.permissions = TK_STR("[\"all\"]");
    cr_assert_not_null(tk_key_fault(&bad));
    bad = good;
    bad.name.size = 0;
    cr_assert_not_null(tk_key_fault(&bad));
    bad = good;
    bad.revoked_us = 1;
    cr_assert_not_null(tk_key_fault(&bad));
}

/* Everything about a server that the library does, through its public face. */
static void use_in_public(void *user) {
    static const char yaml[] = "name: job\nnamespace_name: test\nversion: 1.0.0\nredact: [card]\n"
                               "steps:\n  - {name: a, handler: {callable: A}}\n";
    static const tasker_query_kind kinds[] = {TASKER_QUERY_STORE, TASKER_QUERY_ANALYTICS};
    const tk_str request = TK_STR("{\"name\":\"job\",\"namespace\":\"test\",\"context\":"
                                  "{\"card\":4711}}");
    tasker *handle = NULL;
    tasker_text text = {NULL, 0};
    tk_json json = {0};
    char id[TASKER_UUID_SIZE] = "";
    (void)user;
    if (tasker_open("sqlite::memory:", NULL, &handle, NULL) != TASKER_OK) {
        return;
    }
    (void)tasker_template_put(handle, TK_STR(yaml), "job.yaml", NULL, NULL);
    if (tasker_submit(handle, request, &text, NULL) == TASKER_OK) {
        (void)tk_json_parse((tk_str){text.data, text.size}, SIZE_MAX, &json, NULL);
        tk_str uuid = tk_json_member(json, "task_uuid").text;
        memcpy(id, uuid.data + 1, sizeof(id) - 1);
        tasker_text_free(&text);
        (void)tasker_task_retry(handle, id, &act, NULL);
        (void)tasker_task_rerun(handle, id, TK_STR("{\"card\":\"[redacted]\"}"), &act, &text, NULL);
        tasker_text_free(&text);
        (void)tasker_task_wait(handle, id, 0, &text, NULL);
        tasker_text_free(&text);
    }
    for (size_t i = 0; i < TK_COUNT_OF(kinds); i++) {
        (void)tasker_query(handle, kinds[i], (tk_str){NULL, 0}, &text, NULL);
        tasker_text_free(&text);
    }
    (void)tasker_key_create(handle, TK_STR("{\"name\":\"a\",\"permissions\":[\"tasks:*\"]}"), &act,
                            &text, NULL);
    tasker_text_free(&text);
    (void)tasker_key_list(handle, &text, NULL);
    tasker_text_free(&text);
    (void)tasker_key_find(handle, TK_STR("tsk_0"), &text, NULL);
    (void)tasker_key_revoke(handle, "a", &act, NULL);
    tasker_close(handle);
}

Test(key, what_a_server_uses_survives_each_failed_allocation, .timeout = 120) {
    uint8_t hash[TK_SECRET_HASH_BYTES];
    cr_assert_eq(tk_secret_hash(TK_STR("abc"), hash, NULL), TASKER_OK); /* loaded once for all */
    fail_alloc_report report = fail_alloc_sweep(use_in_public, NULL);
    cr_assert_not(report.endless);
    cr_assert_gt(report.allocations, 50);
    cr_assert_eq(report.leak_at, 0, "allocation %zu leaks when it fails", report.leak_at);
}
