/* The store's contract, on every store: names and templates. */
#include "support/store_fixture.h"

/* --- names ------------------------------------------------------------------------------------ */

STORE_TEST(store_names, names_get_small_numbers_that_stay) {
    const tk_str texts[] = {TK_STR("b"), TK_STR("a"), TK_STR("b"), TK_STR("\xc3\xa9t\xc3\xa9"),
                            TK_STR("B")};
    int32_t ids[5];
    int32_t again[5];
    int32_t other[5];
    OK(begin, TK_STORE_WRITE);
    OK(name_intern, TK_NAME_CALLABLE, texts, 5, ids);
    COMMIT();
    cr_assert_eq(ids[0], ids[2]);
    for (int i = 0; i < 5; i++) {
        cr_assert_geq(ids[i], 1);
        cr_assert(i == 2 || i == 0 || ids[i] != ids[0]);
    }
    OK(begin, TK_STORE_READ);
    OK(name_intern, TK_NAME_CALLABLE, texts, 5, again);
    COMMIT();
    cr_assert_arr_eq(ids, again, sizeof(ids));
    OK(begin, TK_STORE_WRITE);
    OK(name_intern, TK_NAME_NAMESPACE, texts, 1, other);
    COMMIT();
    cr_assert_eq(other[0], fx->queue + 1, "kinds are numbered by themselves");
}

STORE_TEST(store_names, names_are_listed_by_their_numbers) {
    const tk_str texts[] = {TK_STR("z"), TK_STR("y")};
    int32_t given[2];
    int32_t *ids = NULL;
    tk_str *names = NULL;
    uint32_t count = 0;
    OK(begin, TK_STORE_WRITE);
    OK(name_intern, TK_NAME_NAMESPACE, texts, 2, given);
    COMMIT();
    OK(begin, TK_STORE_READ);
    OK(name_list, &fx->arena, TK_NAME_NAMESPACE, &ids, &names, &count);
    COMMIT();
    cr_assert_eq(count, 3);
    cr_assert_eq(ids[0], fx->queue);
    cr_assert(tk_str_is(names[0], "default"));
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(ids[i + 1], given[i]);
        cr_assert(tk_str_equal(names[i + 1], texts[i]));
    }
}

/* --- templates -------------------------------------------------------------------------------- */

static int32_t template_put(store_fixture *fx, const char *version, uint8_t digest,
                            const char *const *steps, uint32_t count) {
    tk_str names[8];
    tk_str ancestors[8];
    tk_template_row row = {
        .created_us = 12345,
        .namespace_name = TK_STR("shop"),
        .name = TK_STR("order"),
        .version = tk_str_of(version),
        .spec = TK_STR("{\"steps\":[]}"),
        .digest = {{digest}},
    };
    for (uint32_t i = 0; i < count; i++) {
        names[i] = tk_str_of(steps[i]);
        ancestors[i] = (tk_str){"\0\0\0\1\0\2\0\3", i * 2};
    }
    OK(template_insert, &row, names, ancestors, count);
    OK(template_use, row.id, digest);
    return row.id;
}

static int32_t template_current(store_fixture *fx, const char *version, const tk_digest *digest) {
    tk_template_row *row = NULL;
    OK(template_find, &fx->arena, TK_STR("shop"), TK_STR("order"), tk_str_of(version), digest,
       &row);
    return row == NULL ? 0 : row->id;
}

STORE_TEST(store_names, a_template_comes_back_as_it_was) {
    const char *steps[] = {"a"};
    tk_template_row *row = NULL;
    OK(begin, TK_STORE_WRITE);
    int32_t id = template_put(fx, "1.0.0", 9, steps, 1);
    COMMIT();
    OK(begin, TK_STORE_READ);
    OK(template_load, &fx->arena, id, &row);
    cr_assert_not_null(row);
    cr_assert_eq(row->id, id);
    cr_assert_eq(row->revision, 1);
    cr_assert_eq(row->created_us, 12345);
    cr_assert(tk_str_is(row->namespace_name, "shop"));
    cr_assert(tk_str_is(row->name, "order"));
    cr_assert(tk_str_is(row->version, "1.0.0"));
    cr_assert(tk_str_is(row->spec, "{\"steps\":[]}"));
    cr_assert_eq(row->digest.bytes[0], 9);
    OK(template_load, &fx->arena, id + 1, &row);
    cr_assert_null(row);
    cr_assert_eq(template_current(fx, "2.0.0", NULL), 0);
    COMMIT();
}

STORE_TEST(store_names, the_template_used_last_is_the_current_one) {
    const char *steps[] = {"a"};
    OK(begin, TK_STORE_WRITE);
    int32_t first = template_put(fx, "1.0.0", 1, steps, 1);
    int32_t second = template_put(fx, "1.0.0", 2, steps, 1);
    cr_assert_eq(template_current(fx, "1.0.0", NULL), second);
    int32_t newer = template_put(fx, "1.1.0", 3, steps, 1);
    cr_assert_eq(template_current(fx, "1.0.0", NULL), second);
    cr_assert_eq(template_current(fx, "1.1.0", NULL), newer);
    cr_assert_eq(template_current(fx, "", NULL), newer, "the version registered last");
    OK(template_use, first, 4); /* a deploy that was rolled back */
    OK(template_use, first, 5);
    cr_assert_eq(template_current(fx, "1.0.0", NULL), first);
    cr_assert_eq(template_current(fx, "", NULL), first);
    const tk_digest digest = {{2}};
    cr_assert_eq(template_current(fx, "1.0.0", &digest), second, "by digest: any revision");
    cr_assert_eq(template_current(fx, "1.1.0", &digest), 0);
    COMMIT();
}

STORE_TEST(store_names, revisions_count_within_a_version_and_digests_are_unique) {
    const char *steps[] = {"a"};
    tk_template_row *row = NULL;
    OK(begin, TK_STORE_WRITE);
    (void)template_put(fx, "1.0.0", 1, steps, 1);
    int32_t second = template_put(fx, "1.0.0", 2, steps, 1);
    int32_t other = template_put(fx, "2.0.0", 1, steps, 1);
    OK(template_load, &fx->arena, second, &row);
    cr_assert_eq(row->revision, 2);
    OK(template_load, &fx->arena, other, &row);
    cr_assert_eq(row->revision, 1);
    COMMIT();
    tk_template_row same = {
        .namespace_name = TK_STR("shop"),
        .name = TK_STR("order"),
        .version = TK_STR("1.0.0"),
        .digest = {{2}},
    };
    OK(begin, TK_STORE_WRITE);
    FAILS(TASKER_CONFLICT, template_insert, &same, NULL, NULL, 0);
    ROLLBACK();
    OK(begin, TK_STORE_WRITE);
    FAILS(TASKER_CONFLICT, template_use, other + 100, 1);
    ROLLBACK();
}

STORE_TEST(store_names, steps_known_are_those_of_all_revisions) {
    const char *first[] = {"a", "b"};
    const char *second[] = {"a", "", "", "d"};
    const char *third[] = {"a", "", "c"};
    tk_str *names = NULL;
    uint32_t count = 9;
    OK(begin, TK_STORE_WRITE);
    OK(template_known, &fx->arena, TK_STR("shop"), TK_STR("order"), &names, &count);
    cr_assert_eq(count, 0);
    (void)template_put(fx, "1.0.0", 1, first, 2);
    (void)template_put(fx, "1.0.0", 2, second, 4);
    OK(template_known, &fx->arena, TK_STR("shop"), TK_STR("order"), &names, &count);
    cr_assert_eq(count, 4);
    cr_assert(tk_str_is(names[1], "b"));
    cr_assert_eq(names[2].size, 0, "a number never used");
    cr_assert(tk_str_is(names[3], "d"));
    (void)template_put(fx, "3.0.0", 3, third, 3);
    OK(template_known, &fx->arena, TK_STR("shop"), TK_STR("order"), &names, &count);
    cr_assert_eq(count, 4);
    cr_assert(tk_str_is(names[2], "c"));
    COMMIT();
}

STORE_TEST(store_names, the_list_of_templates_has_each_version_once) {
    const char *steps[] = {"a"};
    tk_template_row *rows = NULL;
    uint32_t count = 0;
    OK(begin, TK_STORE_WRITE);
    int32_t first = template_put(fx, "1.0.0", 1, steps, 1);
    (void)template_put(fx, "1.0.0", 2, steps, 1);
    int32_t other = template_put(fx, "2.0.0", 3, steps, 1);
    OK(template_use, first, 9);
    COMMIT();
    OK(begin, TK_STORE_READ);
    OK(template_list, &fx->arena, &rows, &count);
    COMMIT();
    cr_assert_eq(count, 3);
    cr_assert_eq(rows[0].id, fx->template_id);
    cr_assert_eq(rows[1].id, first);
    cr_assert_eq(rows[2].id, other);
}
