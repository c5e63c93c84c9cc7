/*
 * template_outline.c - says which handlers the templates of a folder name.
 *
 *   template_find.c --paths, texts--> [template_outline.c] --JSON--> a binding that loads handlers
 *
 * It reads leniently: what a template lacks is null, and one that has errors still tells what it
 * names. Registering is where it is judged.
 */
#include "template_outline.h"

#include <sys/stat.h>

#include "json.h"
#include "template_find.h"
#include "yaml_tree.h"

/* Templates of variant C have keys like `:name:`. */
static const tk_yaml *member(const tk_yaml *map, const char *key, const char *symbol) {
    const tk_yaml *found = map == NULL ? NULL : tk_yaml_member(map, key);
    return found != NULL || map == NULL ? found : tk_yaml_member(map, symbol);
}

static void write_text(tk_buf *buf, const char *name, const tk_yaml *value) {
    if (value == NULL || value->kind != TK_YAML_STRING) {
        tk_json_write_member_null(buf, name);
        return;
    }
    tk_json_write_member_string(buf, name, value->text);
}

static void write_callable(tk_buf *buf, const tk_yaml *handler) {
    const tk_yaml *callable = member(handler, "callable", ":callable");
    if (callable != NULL && callable->kind == TK_YAML_STRING) {
        tk_json_write_comma(buf);
        tk_json_write_string(buf, callable->text);
    }
}

static void write_template(tk_buf *buf, const tk_yaml *root) {
    write_text(buf, "name", member(root, "name", ":name"));
    write_text(buf, "namespace", member(root, "namespace_name", ":namespace_name"));
    write_text(buf, "version", member(root, "version", ":version"));
    write_text(buf, "description", member(root, "description", ":description"));
    tk_json_write_name(buf, "callables");
    tk_buf_char(buf, '[');
    write_callable(buf, member(root, "task_handler", ":task_handler"));
    const tk_yaml *steps = member(root, "steps", ":steps");
    const tk_yaml *step = steps != NULL && steps->kind == TK_YAML_LIST ? steps->first : NULL;
    for (; step != NULL; step = step->next) {
        write_callable(buf, member(step, "handler", ":handler"));
    }
    tk_buf_char(buf, ']');
}

static tasker_status outline_file(const char *path, tk_buf *buf, tasker_error *error) {
    tk_arena arena = {0};
    tk_str text = {0};
    tk_yaml *root = NULL;
    tk_yaml_place place = {1, 1};
    tasker_error why = {0}; /* of a bad file, the caller learns by the outline */
    tasker_status status = tk_template_file_read(&arena, path, &text, &why);
    if (status == TASKER_OK) {
        status = tk_yaml_parse(&arena, text, &root, &place, &why);
    }
    tk_json_write_comma(buf);
    tk_buf_char(buf, '{');
    tk_json_write_member_string(buf, "file", tk_str_of(path));
    write_template(buf, root);
    if (status == TASKER_OK) {
        tk_json_write_member_null(buf, "error");
    } else {
        tk_json_write_member_string(buf, "error", tk_str_of(why.message));
    }
    tk_buf_char(buf, '}');
    tk_arena_release(&arena);
    return status == TASKER_NOMEM ? tk_nomem(error) : TASKER_OK;
}

/* What is no directory is read as one file: it may be missing, its entry says so. */
static tasker_status list_files(tk_arena *arena, const char *path, const char *const **paths,
                                uint32_t *count, tasker_error *error) {
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        return tk_template_files(arena, path, paths, count, error);
    }
    const char **one = tk_arena_array(arena, 1, sizeof(*one));
    if (one == NULL) {
        return tk_nomem(error);
    }
    one[0] = path;
    *paths = one;
    *count = 1;
    return TASKER_OK;
}

tasker_status tk_template_outline(const char *path, tk_buf *buf, tasker_error *error) {
    tk_arena arena = {0};
    const char *const *paths = NULL;
    uint32_t count = 0;
    tasker_status status = TASKER_OK;
    if (path == NULL) {
        status = tk_template_directory(&arena, &path, error);
    }
    if (status == TASKER_OK) {
        status = list_files(&arena, path, &paths, &count, error);
    }
    if (status == TASKER_OK) {
        tk_buf_char(buf, '{');
        tk_json_write_member_string(buf, "path", tk_str_of(path));
        tk_json_write_name(buf, "templates");
        tk_buf_char(buf, '[');
    }
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        status = outline_file(paths[i], buf, error);
    }
    tk_buf_text(buf, "]}");
    tk_arena_release(&arena);
    return status;
}
