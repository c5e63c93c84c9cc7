/* Identifiers. */
#include <criterion/criterion.h>

#include "id.h"

#define NOW_US INT64_C(1767225599123456) /* 2025-12-31T23:59:59.123456Z */

static const char *shown(const tk_uuid *id) {
    static char text[TASKER_UUID_SIZE];
    tk_uuid_format(id, text);
    return text;
}

Test(id, a_task_is_a_version_7_uuid_with_room_for_its_steps) {
    tk_uuid all = tk_uuid_task(NOW_US, UINT64_MAX);
    cr_assert_str_eq(shown(&all), "019b76da-a493-7fff-bfff-ffffffff0000");
    tk_uuid none = tk_uuid_task(NOW_US, 0);
    cr_assert_str_eq(shown(&none), "019b76da-a493-7000-8000-000000000000");
    tk_uuid early = tk_uuid_task(-5, 1);
    cr_assert_str_eq(shown(&early), "00000000-0000-7000-8000-000000010000");
}

Test(id, every_one_of_58_bits_of_noise_makes_another_task) {
    tk_uuid plain = tk_uuid_task(NOW_US, 0);
    for (unsigned bit = 0; bit < 64; bit++) {
        tk_uuid id = tk_uuid_task(NOW_US, UINT64_C(1) << bit);
        cr_assert_eq(tk_uuid_equal(&id, &plain), bit >= 58, "bit %u", bit);
    }
}

Test(id, later_tasks_sort_later) {
    tk_uuid before = tk_uuid_task(NOW_US, UINT64_MAX);
    tk_uuid after = tk_uuid_task(NOW_US + 1000, 0);
    cr_assert_lt(tk_uuid_compare(&before, &after), 0);
}

Test(id, a_step_is_its_task_and_its_number) {
    const uint32_t steps[] = {0, 1, 255, 256, 4095, 65533, 65534};
    tk_uuid task = tk_uuid_task(NOW_US, 12345);
    for (size_t i = 0; i < TK_COUNT_OF(steps); i++) {
        tk_uuid id = tk_uuid_step(&task, steps[i]);
        tk_uuid owner;
        uint32_t step = 0;
        cr_assert(tk_uuid_step_split(&id, &owner, &step));
        cr_assert(tk_uuid_equal(&owner, &task));
        cr_assert_eq(step, steps[i]);
    }
    uint32_t step = 0;
    tk_uuid owner;
    cr_assert(!tk_uuid_step_split(&task, &owner, &step));
    tk_uuid itself = tk_uuid_step(&task, 3);
    cr_assert(tk_uuid_step_split(&itself, &itself, &step));
    cr_assert(tk_uuid_equal(&itself, &task));
}

Test(id, an_event_carries_its_token) {
    const uint64_t tokens[] = {
        0, 1, UINT16_MAX, UINT16_MAX + 1, UINT64_C(0x123456789abcdef0), UINT64_MAX};
    for (size_t i = 0; i < TK_COUNT_OF(tokens); i++) {
        tk_uuid id = tk_uuid_event(tokens[i]);
        uint64_t token = 7;
        cr_assert(tk_uuid_event_token(&id, &token));
        cr_assert_eq(token, tokens[i]);
        cr_assert_eq(id.bytes[6] >> 4, 8);
        cr_assert_eq(id.bytes[8] >> 6, 2);
        for (size_t byte = 6; byte < 14; byte++) {
            tk_uuid other = id;
            other.bytes[byte] ^= 1;
            cr_assert(!tk_uuid_event_token(&other, &token));
        }
    }
}

Test(id, equal_texts_derive_equal_ids) {
    tk_uuid a = tk_uuid_derived(TK_STR("payments/order/1"));
    tk_uuid b = tk_uuid_derived(TK_STR("payments/order/1"));
    tk_uuid c = tk_uuid_derived(TK_STR("payments/order/2"));
    cr_assert(tk_uuid_equal(&a, &b));
    cr_assert(!tk_uuid_equal(&a, &c));
    cr_assert_eq(a.bytes[6] >> 4, 8);
    cr_assert_eq(a.bytes[8] >> 6, 2);
    uint64_t token = 0;
    cr_assert(!tk_uuid_event_token(&a, &token));
}

Test(id, a_digest_is_the_known_one) {
    const struct {
        const char *text, *hex;
    } cases[] = {
        {"", "6c62272e-07bb-0142-62b8-21756295c58d"},
        {"a", "d228cb69-6f1a-8caf-7891-2b704e4a8964"},
        {"foobar", "343e1662-793c-64bf-6f0d-3597ba446f18"},
    };
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        tk_digest digest = tk_digest_of(tk_str_of(cases[i].text));
        tk_uuid id;
        memcpy(id.bytes, digest.bytes, sizeof(id.bytes));
        cr_assert_str_eq(shown(&id), cases[i].hex);
    }
}

Test(id, text_and_back) {
    tk_uuid id;
    cr_assert(tk_uuid_parse(TK_STR("01234567-89ab-cdef-0123-456789ABCDEF"), &id));
    cr_assert_str_eq(shown(&id), "01234567-89ab-cdef-0123-456789abcdef");
}

Test(id, what_is_no_uuid_is_refused_and_changes_nothing) {
    const char *cases[] = {"",
                           "01234567-89ab-cdef-0123-456789abcde",
                           "01234567-89ab-cdef-0123-456789abcdef0",
                           "0123456789abcdef0123456789abcdef",
                           "0123456-789ab-cdef-0123-456789abcdef",
                           "01234567-89ab-cdef-0123-456789abcdeg",
                           "01234567-89ab-cdef-0123_456789abcdef",
                           "01234567-89ab-cdef-0123-4567 9abcdef",
                           "{1234567-89ab-cdef-0123-456789abcde}",
                           "01234567-89ab-cdef-0123-456789abcd\xc3\xa9"};
    tk_uuid id = {{9}};
    for (size_t i = 0; i < TK_COUNT_OF(cases); i++) {
        cr_assert(!tk_uuid_parse(tk_str_of(cases[i]), &id), "%s", cases[i]);
    }
    cr_assert_eq(id.bytes[0], 9);
    for (int byte = 0; byte < 256; byte++) {
        char text[] = "01234567-89ab-cdef-0123-456789abcdef";
        text[20] = (char)byte;
        bool hex = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
                   (byte >= 'A' && byte <= 'F');
        cr_assert_eq(tk_uuid_parse((tk_str){text, 36}, &id), hex, "byte %d", byte);
    }
}
