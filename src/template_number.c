/*
 * template_number.c - gives a template's steps their numbers, and takes them away again.
 *
 *   register.c --spec of the text, names known so far--> [template_number.c] --numbered spec--> store
 *
 * A step's number is its identity in every store, within a template name: a revision keeps the
 * numbers of the steps it knows and appends the new ones, so that running tasks and their results
 * stay readable. The digest is of the text without numbers: the same file is the same template
 * whatever was registered before it.
 */
#include "template.h"

/* --- without numbers --- */

static void write_member(tk_buf *buf, tk_json name, tk_json value) {
    tk_json_write_comma(buf);
    tk_buf_str(buf, name.text);
    tk_buf_char(buf, ':');
    tk_buf_str(buf, value.text);
}

void tk_template_write_unnumbered_step(tk_buf *buf, tk_json step) {
    tk_buf_char(buf, '{');
    tk_json_iterator it = tk_json_each(step);
    while (tk_json_next(&it)) {
        if (!tk_json_string_is(it.name, TK_STR("number"))) {
            write_member(buf, it.name, it.value);
        }
    }
    tk_buf_char(buf, '}');
}

/* Writes one step; `index` is its place in the text. */
typedef void (*write_step_fn)(tk_buf *buf, tk_json step, size_t index, const void *user);

/* Copies a spec, its steps through `write_step`. */
static void write_spec(tk_buf *buf, tk_json root, write_step_fn write_step, const void *user) {
    tk_buf_char(buf, '{');
    tk_json_iterator it = tk_json_each(root);
    while (tk_json_next(&it)) {
        if (!tk_json_string_is(it.name, TK_STR("steps"))) {
            write_member(buf, it.name, it.value);
            continue;
        }
        tk_json_write_name(buf, "steps");
        tk_buf_char(buf, '[');
        tk_json_iterator steps = tk_json_each(it.value);
        while (tk_json_next(&steps)) {
            tk_json_write_comma(buf);
            write_step(buf, steps.value, steps.index, user);
        }
        tk_buf_char(buf, ']');
    }
    tk_buf_char(buf, '}');
}

static tasker_status parse_spec(tk_str spec, tk_json *root, tasker_error *error) {
    tasker_status status = tk_json_parse(spec, TK_SPEC_BYTES_MAX, root, error);
    if (status != TASKER_OK) {
        return status;
    }
    if (tk_json_member(*root, "steps").kind != TK_JSON_ARRAY) {
        return tk_fail_at(error, TASKER_INVALID, "steps",
                          "the stored template is damaged: expected a list");
    }
    return TASKER_OK;
}

static void write_plain(tk_buf *buf, tk_json step, size_t index, const void *user) {
    (void)index;
    (void)user;
    tk_template_write_unnumbered_step(buf, step);
}

tasker_status tk_template_unnumbered(tk_str spec, tk_buf *plain, tasker_error *error) {
    tk_json root;
    tasker_status status = parse_spec(spec, &root, error);
    if (status != TASKER_OK) {
        return status;
    }
    write_spec(plain, root, write_plain, NULL);
    return plain->failed ? tk_nomem(error) : TASKER_OK;
}

/* --- with numbers --- */

/* The number stands where the sorted names want it, so that the spec stays canonical. */
static void write_numbered(tk_buf *buf, tk_json step, size_t index, const void *user) {
    const uint16_t *numbers = user;
    bool written = false;
    tk_buf_char(buf, '{');
    tk_json_iterator it = tk_json_each(step);
    while (tk_json_next(&it)) {
        if (!written && it.name.text.size > 1 && it.name.text.data[1] > 'n') {
            tk_json_write_member_int(buf, "number", numbers[index]);
            written = true;
        }
        if (!tk_json_string_is(it.name, TK_STR("number"))) {
            write_member(buf, it.name, it.value);
        }
    }
    if (!written) {
        tk_json_write_member_int(buf, "number", numbers[index]);
    }
    tk_buf_char(buf, '}');
}

static tasker_status assign(tk_arena *arena, tk_json steps, const tk_str *known,
                            uint32_t known_count, uint16_t *numbers, tasker_error *error) {
    tk_name *names = tk_arena_array(arena, known_count, sizeof(*names));
    if (names == NULL) {
        return tk_nomem(error);
    }
    for (uint32_t i = 0; i < known_count; i++) {
        names[i] = (tk_name){known[i], i};
    }
    tk_names_sort(names, known_count);

    uint32_t next = known_count;
    tk_json_iterator it = tk_json_each(steps);
    while (tk_json_next(&it)) {
        tk_json value = tk_json_member(it.value, "name");
        tk_str name = {0};
        if (value.kind != TK_JSON_STRING) {
            return tk_fail_at(error, TASKER_INVALID, "steps", "expected a name for each step");
        }
        if (!tk_json_string(arena, value, &name)) {
            return tk_nomem(error);
        }
        const tk_name *found = tk_names_find(names, known_count, name);
        uint32_t number = found == NULL ? next++ : found->number;
        if (number >= TASKER_STEPS_MAX) {
            return tk_fail_at(error, TASKER_INVALID, "steps",
                              "all revisions of a template together may name at most %d steps; "
                              "expected fewer new names, or a new template name",
                              TASKER_STEPS_MAX);
        }
        numbers[it.index] = (uint16_t)number;
    }
    return TASKER_OK;
}

tasker_status tk_template_number(tk_str spec, const tk_str *known, uint32_t known_count,
                                 tk_buf *numbered, tasker_error *error) {
    tk_json root;
    tasker_status status = parse_spec(spec, &root, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_arena arena = {0};
    tk_json steps = tk_json_member(root, "steps");
    uint16_t *numbers = tk_arena_array(&arena, tk_json_count(steps), sizeof(*numbers));
    status = numbers == NULL ? tk_nomem(error)
                             : assign(&arena, steps, known, known_count, numbers, error);
    if (status == TASKER_OK) {
        write_spec(numbered, root, write_numbered, numbers);
        status = numbered->failed ? tk_nomem(error) : TASKER_OK;
    }
    tk_arena_release(&arena);
    return status;
}
