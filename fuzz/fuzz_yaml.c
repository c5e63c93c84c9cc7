/*
 * fuzz_yaml.c - any bytes as a template: what is accepted must be a spec that opens, numbered by any
 * history, and comes back the same; what is refused must be told with a place.
 */
#include <stdlib.h>

#include "template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
    if (!condition) {
        abort();
    }
}

static void check_findings(const tk_findings *findings) {
    for (uint32_t i = 0; i < findings->count; i++) {
        const tk_finding *f = &findings->items[i];
        must(f->line >= 1 && f->column >= 1 && f->message[0] != '\0');
        must(i == 0 || findings->items[i - 1].line <= f->line);
        must(strstr(f->message, "expected") != NULL || strstr(f->message, "not YAML") != NULL);
    }
}

static void check_template(const tk_template *t) {
    uint32_t present = 0;
    for (uint32_t i = 0; i < t->step_count; i++) {
        const tk_template_step *step = &t->steps[i];
        must(step->number == i);
        must(!step->present || tk_template_find_step(t, tk_str_of(step->name)) == step);
        must(step->parents.count <= step->ancestors.count);
        must(step->present || step->parents.count + step->children.count == 0);
        present += step->present;
    }
    must(present == t->step_present_count);
}

static void open_spec(tk_str spec) {
    const tk_str known[] = {TK_STR("a"), TK_STR("gone"), TK_STR("b")};
    tk_buf numbered = {0};
    tk_buf plain = {0};
    tk_template *t = NULL;
    if (tk_template_number(spec, known, 3, &numbered, NULL) == TASKER_OK) {
        must(tk_template_open(tk_buf_view(&numbered), &t, NULL) == TASKER_OK);
        check_template(t);
        must(tk_template_unnumbered(t->spec, &plain, NULL) == TASKER_OK);
        must(tk_str_equal(tk_buf_view(&plain), spec));
        tk_template_close(t);
    }
    tk_buf_release(&plain);
    tk_buf_release(&numbered);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tk_str yaml = {(const char *)data, size};
    tk_findings findings = {0};
    tk_buf spec = {0};
    tk_buf report = {0};
    tk_json value;
    must(tk_template_from_yaml(yaml, "test", &findings, &spec, NULL) == TASKER_OK);
    must((spec.size == 0) == (findings.error_count > 0));
    check_findings(&findings);
    tk_template_report(&report, "x.yaml", tk_buf_view(&spec), &findings);
    must(tk_json_parse(tk_buf_view(&report), SIZE_MAX, &value, NULL) == TASKER_OK);
    if (spec.size > 0) {
        open_spec(tk_buf_view(&spec));
    }
    /* the same bytes as a spec that somebody has damaged */
    tk_template *t = NULL;
    if (tk_template_open(yaml, &t, NULL) == TASKER_OK) {
        check_template(t);
        tk_template_close(t);
    }
    tk_buf_release(&report);
    tk_buf_release(&spec);
    tk_findings_release(&findings);
    return 0;
}
