/*
 * register.c - puts templates into the store.
 *
 *   YAML ── template_yaml.c ──► spec ── known digest? ─┬─ yes: that revision becomes the current one
 *                                                      └─ no:  steps numbered, a new revision
 *
 * A step's number is its identity within a template's name: known ones stay, new ones are appended, so
 * that a running task and a new revision speak of the same step.
 */
#include "engine.h"
#include "template_find.h"

/* One template on its way. */
typedef struct entry {
    tk_engine *engine;
    tk_arena arena;
    tk_str spec; /* without numbers */
    tk_str namespace_name, name, version;
    tk_digest digest;
    tk_template_row row; /* out */
} entry;

static tasker_status read_names(entry *e, tasker_error *error) {
    tk_json root;
    tasker_status status = tk_json_parse(e->spec, TK_SPEC_BYTES_MAX, &root, error);
    if (status != TASKER_OK) {
        return status;
    }
    if (!tk_json_string(&e->arena, tk_json_member(root, "namespace"), &e->namespace_name) ||
        !tk_json_string(&e->arena, tk_json_member(root, "name"), &e->name) ||
        !tk_json_string(&e->arena, tk_json_member(root, "version"), &e->version)) {
        return tk_nomem(error);
    }
    e->digest = tk_digest_of(e->spec);
    return TASKER_OK;
}

/* Names of steps and their ancestors by number, as the store keeps them. */
static bool list_steps(entry *e, const tk_template *template, tk_str **names, tk_str **ancestors) {
    *names = tk_arena_array(&e->arena, template->step_count, sizeof(**names));
    *ancestors = tk_arena_array(&e->arena, template->step_count, sizeof(**ancestors));
    if (*names == NULL || *ancestors == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < template->step_count; i++) {
        const tk_template_step *step = &template->steps[i];
        if (!step->present) {
            continue;
        }
        uint8_t *bytes = tk_arena_array(&e->arena, step->ancestors.count, 2);
        if (bytes == NULL) {
            return false;
        }
        for (uint32_t k = 0; k < step->ancestors.count; k++) {
            bytes[2 * k] = (uint8_t)(step->ancestors.numbers[k] >> 8);
            bytes[2 * k + 1] = (uint8_t)(step->ancestors.numbers[k] & 0xff);
        }
        (*names)[i] = tk_str_of(step->name);
        (*ancestors)[i] = (tk_str){(const char *)bytes, 2 * (size_t)step->ancestors.count};
    }
    return true;
}

/* Every name a template speaks of gets its number now, so that readers need not write. */
static tasker_status intern_names(entry *e, const tk_template *template, tasker_error *error) {
    int32_t id = 0;
    tk_store *store = e->engine->store;
    tasker_status status =
        tk_store_call(store, name_intern, TK_NAME_NAMESPACE, &e->namespace_name, 1, &id, error);
    for (uint32_t i = 0; status == TASKER_OK && i < template->step_count; i++) {
        if (template->steps[i].present) {
            tk_str callable = tk_str_of(template->steps[i].callable);
            status = tk_store_call(store, name_intern, TK_NAME_CALLABLE, &callable, 1, &id, error);
        }
    }
    return status;
}

static tasker_status insert_numbered(entry *e, const tk_buf *numbered, tasker_error *error) {
    tk_template *template = NULL;
    tasker_status status = tk_template_open(tk_buf_view(numbered), &template, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_str *names = NULL;
    tk_str *ancestors = NULL;
    e->row = (tk_template_row){
        .created_us = tk_clock_now(e->engine->clock),
        .namespace_name = e->namespace_name,
        .name = e->name,
        .version = e->version,
        .digest = e->digest,
        .spec = tk_buf_view(numbered),
    };
    if (!list_steps(e, template, &names, &ancestors)) {
        status = tk_nomem(error);
    }
    if (status == TASKER_OK) {
        status = intern_names(e, template, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(e->engine->store, template_insert, &e->row, names, ancestors,
                               template->step_count, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(e->engine->store, sync, error);
    }
    tk_template_close(template);
    return status;
}

static tasker_status insert_revision(entry *e, tasker_error *error) {
    tk_str *known = NULL;
    uint32_t known_count = 0;
    tasker_status status = tk_store_call(e->engine->store, template_known, &e->arena,
                                         e->namespace_name, e->name, &known, &known_count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(e->engine->store, sync, error);
    }
    tk_buf numbered = {0};
    if (status == TASKER_OK) {
        status = tk_template_number(e->spec, known, known_count, &numbered, error);
    }
    if (status == TASKER_OK) {
        status = insert_numbered(e, &numbered, error);
    }
    tk_buf_release(&numbered);
    return status;
}

/* A digest only finds; the texts decide. */
static tasker_status compare_texts(entry *e, const tk_template_row *row, tasker_error *error) {
    tk_buf plain = {0};
    tasker_status status = tk_template_unnumbered(row->spec, &plain, error);
    if (status == TASKER_OK && !tk_str_equal(tk_buf_view(&plain), e->spec)) {
        status = tk_fail(error, TASKER_CONFLICT,
                         "another template has this one's digest: change its description");
    }
    tk_buf_release(&plain);
    e->row = *row;
    return status;
}

static tasker_status store_entry(entry *e, tasker_error *error) {
    tk_store *store = e->engine->store;
    tk_template_row *row = NULL;
    tasker_status status = tk_store_call(store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = tk_store_call(store, template_find, &e->arena, e->namespace_name, e->name,
                               e->version, &e->digest, &row, error);
    }
    if (status == TASKER_OK) {
        status = tk_store_call(store, sync, error);
    }
    if (status == TASKER_OK && row == NULL) {
        status = insert_revision(e, error);
    } else if (status == TASKER_OK) {
        status = compare_texts(e, row, error);
    }
    if (status == TASKER_OK) {
        status =
            tk_store_call(store, template_use, e->row.id, tk_clock_now(e->engine->clock), error);
    }
    return tk_verb_finish(e->engine, status, error);
}

static tasker_status first_error(const tk_findings *findings, const char *name,
                                 tasker_error *error) {
    for (uint32_t i = 0; i < findings->count; i++) {
        const tk_finding *f = &findings->items[i];
        if (!f->warning) {
            return tk_fail_at(error, TASKER_INVALID, f->path, "%s:%" PRIu32 ":%" PRIu32 ": %s",
                              name, f->line, f->column, f->message);
        }
    }
    return tk_fail(error, TASKER_INVALID, "%s: the template has errors", name);
}

/* Adds where the template is in the store, and closes the report. */
static void finish_report(tk_buf *report, const entry *e) {
    if (report->failed || report->size == 0) {
        return;
    }
    tk_buf_truncate(report, report->size - 1); /* its closing brace */
    if (e->row.id > 0) {
        tk_json_write_member_int(report, "template_id", e->row.id);
        tk_json_write_member_int(report, "revision", e->row.revision);
    }
    tk_buf_char(report, '}');
}

tasker_status tk_register(tk_engine *engine, tk_str yaml, const char *name, tk_buf *report,
                          bool *valid, tasker_error *error) {
    tk_findings findings = {0};
    tk_buf spec = {0};
    entry e = {.engine = engine};
    tasker_status status =
        tk_template_from_yaml(yaml, engine->environment, &findings, &spec, error);
    *valid = status == TASKER_OK && findings.error_count == 0;
    if (*valid) {
        e.spec = tk_buf_view(&spec);
        status = read_names(&e, error);
        if (status == TASKER_OK) {
            status = store_entry(&e, error);
        }
    } else if (status == TASKER_OK) {
        status = first_error(&findings, name, error);
    }
    if (report != NULL) {
        tk_template_report(report, name, tk_buf_view(&spec), &findings);
        finish_report(report, &e);
    }
    tk_arena_release(&e.arena);
    tk_findings_release(&findings);
    tk_buf_release(&spec);
    return status;
}

/* --- a directory --- */

static tasker_status register_file(tk_engine *engine, const char *path, tk_buf *report, bool *valid,
                                   tasker_error *error) {
    tk_arena arena = {0};
    tk_str yaml = {NULL, 0};
    tasker_error why = {0}; /* of a bad file, the caller learns by the report */
    tasker_status status = tk_template_file_read(&arena, path, &yaml, &why);
    *valid = false;
    if (status == TASKER_OK) {
        status = tk_register(engine, yaml, path, report, valid, &why);
        if (status == TASKER_INVALID && !*valid) {
            status = TASKER_OK; /* it is in the report; the others still load */
        }
    } else if (status == TASKER_NOTFOUND) {
        tk_findings findings = {0};
        bool kept = tk_findings_add(&findings, false, 1, 1, NULL, "the file cannot be read");
        tk_template_report(report, path, (tk_str){NULL, 0}, &findings);
        tk_findings_release(&findings);
        status = kept ? TASKER_OK : tk_nomem(&why);
    }
    if (status != TASKER_OK && error != NULL) {
        *error = why;
    }
    tk_arena_release(&arena);
    return status;
}

static tasker_status register_all(tk_engine *engine, tk_arena *arena, const char *directory,
                                  tk_buf *report, tasker_error *error) {
    const char *const *paths = NULL;
    uint32_t count = 0;
    uint32_t registered = 0;
    tk_buf templates = {0};
    tasker_status status = tk_template_files(arena, directory, &paths, &count, error);
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        bool valid = false;
        tk_json_write_comma(&templates);
        status = register_file(engine, paths[i], &templates, &valid, error);
        registered += valid;
    }
    if (status == TASKER_OK) {
        tk_buf_char(report, '{');
        tk_json_write_member_string(report, "directory", tk_str_of(directory));
        tk_json_write_member_int(report, "files", count);
        tk_json_write_member_int(report, "registered", registered);
        tk_json_write_member_int(report, "failed", count - registered);
        tk_json_write_name(report, "templates");
        tk_buf_char(report, '[');
        tk_buf_str(report, tk_buf_view(&templates));
        tk_buf_text(report, "]}");
        report->failed = report->failed || templates.failed;
    }
    tk_buf_release(&templates);
    return status;
}

tasker_status tk_register_directory(tk_engine *engine, const char *path, tk_buf *report,
                                    tasker_error *error) {
    tk_arena arena = {0};
    tasker_status status = TASKER_OK;
    if (path == NULL) {
        status = tk_template_directory(&arena, &path, error);
    }
    if (status == TASKER_OK) {
        status = register_all(engine, &arena, path, report, error);
    }
    tk_arena_release(&arena);
    return status;
}
