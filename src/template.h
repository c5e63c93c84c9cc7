/*
 * template.h - a workflow template in memory, made of YAML or of the spec text that a store keeps.
 *
 *   YAML ── template_yaml.c ──► spec (canonical JSON, environment applied, steps numbered)
 *   spec ── template.c ───────► tk_template: the graph, the handlers, the retry rules
 *
 * Pure: no store, no clock. A template is read-only once made and may be shared by threads.
 */
#ifndef TK_TEMPLATE_H
#define TK_TEMPLATE_H

#include "arena.h"
#include "buf.h"
#include "id.h"
#include "json.h"
#include "names.h"
#include "redact.h"
#include "retry.h"

#define TK_SPEC_BYTES_MAX (8 * 1024 * 1024) /* a template with its overrides applied */

/* How a duplicate submission is told (decision 16 of the contract). */
typedef enum tk_identity {
    TK_IDENTITY_ALWAYS_UNIQUE = 0,
    TK_IDENTITY_STRICT = 1,
    TK_IDENTITY_CALLER_PROVIDED = 2
} tk_identity;

/* A list of step numbers. */
typedef struct tk_steps {
    const uint16_t *numbers;
    uint32_t count;
} tk_steps;

typedef struct tk_template_step {
    bool present;    /* numbers of steps that an older revision had are holes */
    uint16_t number; /* = its index in tk_template.steps */
    const char *name;
    const char *callable;
    char named_id[TASKER_UUID_SIZE]; /* derived from namespace, template and step name */
    tk_str inputs;                   /* JSON object: handler.initialization ("{}" when none) */
    tk_str definition;               /* JSON object of contract 3.5 */
    tk_retry_policy retry;
    int64_t timeout_ms; /* 0: none */
    tk_steps parents;   /* sorted */
    tk_steps children;  /* sorted */
    tk_steps ancestors; /* all transitive, sorted */
} tk_template_step;

typedef struct tk_template {
    tk_arena arena; /* everything below lives here */
    const char *namespace_name;
    const char *name;
    const char *version;
    char named_id[TASKER_UUID_SIZE]; /* derived from namespace, name and version */
    const char *description;         /* "" when none */
    tk_identity identity;
    tk_json input_schema; /* kind NONE when there is none */
    tk_redact redact;     /* what readers do not get to see */
    tk_str spec;          /* the text it was made of */
    tk_digest digest;     /* of the spec without step numbers */
    tk_template_step *steps;
    uint32_t step_count; /* highest number + 1, holes included: the size of a progress */
    uint32_t step_present_count;
    const tk_name *by_name; /* the present steps, sorted by name: step_present_count of them */
} tk_template;

/* One finding about a template text: an error, or a warning (an unknown key …). */
typedef struct tk_finding {
    bool warning;
    uint32_t line, column; /* from 1 */
    const char *path;      /* "steps[2].retry.backoff" */
    const char *message;   /* what is wrong and what is expected */
} tk_finding;

#define TK_FINDINGS_MAX 100 /* further ones are counted only */

typedef struct tk_findings {
    tk_arena arena;
    tk_finding *items;
    uint32_t count, room;
    uint32_t error_count, warning_count; /* all, also those not kept */
} tk_findings;

void tk_findings_release(tk_findings *findings);

/* tk_findings_add keeps a finding (copies; path may be NULL); false when out of memory. */
bool tk_findings_add(tk_findings *findings, bool warning, uint32_t line, uint32_t column,
                     const char *path, const char *format, ...) TK_PRINTF(6, 7);

/* tk_template_from_yaml reads a template text (variants A, B and C of contract 1.8).
 *
 *   environment  whose overrides apply
 *   *findings    the caller's; every error and warning, in the order of the text
 *   *spec        canonical JSON with the environment applied and WITHOUT step numbers; empty when
 *                there are errors
 *
 * Returns OK (look at findings->error_count) or NOMEM. */
tasker_status tk_template_from_yaml(tk_str yaml, const char *environment, tk_findings *findings,
                                    tk_buf *spec, tasker_error *error);

/* tk_template_unnumbered writes a spec (numbered or not) without step numbers: what the digest is of.
 * Returns OK, INVALID (not a spec of ours), NOMEM. */
tasker_status tk_template_unnumbered(tk_str spec, tk_buf *plain, tasker_error *error);

/* tk_template_write_unnumbered_step writes one step's object without its number. */
void tk_template_write_unnumbered_step(tk_buf *buf, tk_json step);

/* tk_template_number gives the steps of an unnumbered spec their numbers: those that `known` (an
 * array of names by number, from all earlier revisions of this template name) has keep theirs, new
 * ones are appended in the order of the text. Writes the numbered spec.
 * Returns OK, INVALID (more than TASKER_STEPS_MAX numbers), NOMEM. */
tasker_status tk_template_number(tk_str spec, const tk_str *known, uint32_t known_count,
                                 tk_buf *numbered, tasker_error *error);

/* tk_template_open makes a template of a numbered spec (which it copies); release with
 * tk_template_close(). Returns OK, INVALID (not a spec of ours), NOMEM. */
tasker_status tk_template_open(tk_str spec, tk_template **template, tasker_error *error);
void tk_template_close(tk_template *template); /* NULL is fine */

/* tk_template_has: there is a step of that number. */
static inline bool tk_template_has(const tk_template *template, uint32_t step) {
    return step < template->step_count && template->steps[step].present;
}

/* tk_template_find_step finds a step by name; NULL when there is none. */
const tk_template_step *tk_template_find_step(const tk_template *template, tk_str name);

/* tk_template_report writes the JSON of tasker_template_check() for `name` (a file's name). */
void tk_template_report(tk_buf *buf, const char *name, tk_str spec, const tk_findings *findings);

#endif
