/*
 * settings_file.c - a YAML file of settings: one mapping of names to texts, or to lists of texts.
 *
 *   listen: 127.0.0.1:9000
 *   hosts: [tasker.example, tasker.internal]
 */
#include <errno.h>
#include <stdio.h>
#include <yaml.h>

#include "settings.h"

enum { FILE_BYTES_MAX = 64 * 1024, EVENTS_MAX = 4096 };

typedef struct reader {
    serve_settings *settings;
    const char *path;
    yaml_parser_t parser;
    tk_buf value;   /* of a list: its texts, commas between */
    char name[128]; /* "": a name is expected */
    int depth;
    bool in_list, ended;
    tasker_error *error;
} reader;

static tasker_status fail(reader *r, size_t line, const char *text) {
    return tk_fail_at(r->error, TASKER_INVALID, "config", "%s:%zu: %s", r->path, line + 1, text);
}

/* The name's value is whole. */
static tasker_status keep(reader *r, size_t line) {
    char *value =
        tk_arena_copy(&r->settings->arena, r->value.size == 0 ? "" : r->value.data, r->value.size);
    if (value == NULL || r->value.failed) {
        return tk_nomem(r->error);
    }
    bool known = settings_take(r->settings, r->name, value, SETTING_BY_FILE);
    if (!known) {
        char text[256];
        snprintf(text, sizeof(text), "there is no setting %s; tasker config show lists them",
                 r->name);
        return fail(r, line, text);
    }
    r->name[0] = '\0';
    tk_buf_truncate(&r->value, 0);
    return TASKER_OK;
}

static tasker_status take_scalar(reader *r, const yaml_event_t *event) {
    const char *text = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;
    size_t line = event->start_mark.line;
    if (r->depth == 0) {
        return size == 0 ? TASKER_OK : fail(r, line, "expected lines as listen: 127.0.0.1:8080");
    }
    if (memchr(text, '\0', size) != NULL) {
        return fail(r, line, "a NUL character is not allowed");
    }
    if (r->name[0] == '\0' && !r->in_list) {
        if (size == 0 || size >= sizeof(r->name)) {
            return fail(r, line, "expected the name of a setting");
        }
        memcpy(r->name, text, size + 1);
        return TASKER_OK;
    }
    tk_buf_text(&r->value, r->value.size > 0 ? "," : "");
    tk_buf_add(&r->value, text, size);
    return r->in_list ? TASKER_OK : keep(r, line);
}

static tasker_status take(reader *r, const yaml_event_t *event) {
    size_t line = event->start_mark.line;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(r, event);
    case YAML_MAPPING_START_EVENT:
        r->depth++;
        return r->depth == 1 ? TASKER_OK : fail(r, line, "a setting is a text or a list of texts");
    case YAML_MAPPING_END_EVENT:
        r->depth--;
        return TASKER_OK;
    case YAML_SEQUENCE_START_EVENT:
        if (r->in_list || r->name[0] == '\0') {
            return fail(r, line, "expected lines as listen: 127.0.0.1:8080");
        }
        r->in_list = true;
        return TASKER_OK;
    case YAML_SEQUENCE_END_EVENT:
        r->in_list = false;
        return keep(r, line);
    case YAML_ALIAS_EVENT:
        return fail(r, line, "aliases are not taken");
    case YAML_STREAM_END_EVENT:
        r->ended = true;
        return TASKER_OK;
    default:
        return TASKER_OK;
    }
}

static tasker_status read_events(reader *r) {
    tasker_status status = TASKER_OK;
    for (int i = 0; status == TASKER_OK && !r->ended; i++) {
        yaml_event_t event;
        if (i == EVENTS_MAX) {
            return fail(r, r->parser.mark.line, "the file is too long");
        }
        if (!yaml_parser_parse(&r->parser, &event)) {
            return fail(r, r->parser.problem_mark.line,
                        r->parser.problem == NULL ? "no YAML" : r->parser.problem);
        }
        status = take(r, &event);
        yaml_event_delete(&event);
    }
    return status;
}

static tasker_status read_text(serve_settings *settings, const char *path, tk_str text,
                               tasker_error *error) {
    reader r = {.settings = settings, .path = path, .error = error};
    if (!yaml_parser_initialize(&r.parser)) {
        return tk_nomem(error);
    }
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.data, text.size);
    tasker_status status = read_events(&r);
    yaml_parser_delete(&r.parser);
    tk_buf_release(&r.value);
    return status;
}

tasker_status settings_file_read(serve_settings *settings, const char *path, tasker_error *error) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return tk_fail_at(error, TASKER_NOTFOUND, "config", "%s: %s", path, strerror(errno));
    }
    char *text = tk_arena_alloc(&settings->arena, FILE_BYTES_MAX + 1);
    size_t size = text == NULL ? 0 : fread(text, 1, FILE_BYTES_MAX + 1, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (text == NULL) {
        return tk_nomem(error);
    }
    if (failed || size > FILE_BYTES_MAX) {
        return tk_fail_at(error, TASKER_INVALID, "config", "%s: %s", path,
                          failed ? "it cannot be read" : "at most 64 KiB are read");
    }
    return read_text(settings, path, (tk_str){text, size}, error);
}
