/*
 * template_report.c - what was found in a template text, kept and written.
 *
 *   template_yaml.c --findings--> [template_report.c] --JSON--> tasker_template_check(), put
 */
#include "template.h"

#define MESSAGE_BYTES_MAX 4096 /* a finding's message; a longer one is cut */

void tk_findings_release(tk_findings *findings) {
    tk_arena_release(&findings->arena);
    tk_free(findings->items);
    *findings = (tk_findings){0};
}

static bool make_room(tk_findings *findings) {
    if (findings->count < findings->room) {
        return true;
    }
    uint32_t room = findings->room == 0 ? 8 : findings->room * 2;
    tk_finding *items = tk_resize_array(findings->items, room, sizeof(*items));
    if (items == NULL) {
        return false;
    }
    findings->items = items;
    findings->room = room;
    return true;
}

static const char *format_message(tk_arena *arena, const char *format, va_list args) {
    tk_buf text = {0};
    tk_buf_vprintf(&text, format, args);
    if (text.size > MESSAGE_BYTES_MAX) {
        size_t end = MESSAGE_BYTES_MAX;
        while (end > 0 && ((unsigned char)text.data[end] & 0xc0) == 0x80) {
            end--; /* not within a character */
        }
        tk_buf_truncate(&text, end);
    }
    const char *message = text.failed ? NULL : tk_arena_copy(arena, text.data, text.size);
    tk_buf_release(&text);
    return message;
}

bool tk_findings_add(tk_findings *findings, bool warning, uint32_t line, uint32_t column,
                     const char *path, const char *format, ...) {
    if (warning) {
        findings->warning_count++;
    } else {
        findings->error_count++;
    }
    if (findings->count == TK_FINDINGS_MAX) {
        return true;
    }
    if (!make_room(findings)) {
        return false;
    }
    va_list args;
    va_start(args, format);
    const char *message = format_message(&findings->arena, format, args);
    va_end(args);
    path = path == NULL ? "" : path;
    path = tk_arena_copy(&findings->arena, path, strlen(path));
    if (message == NULL || path == NULL) {
        return false;
    }
    findings->items[findings->count++] = (tk_finding){
        .warning = warning,
        .line = line,
        .column = column,
        .path = path,
        .message = message,
    };
    return true;
}

static void write_findings(tk_buf *buf, const char *member, const char *file,
                           const tk_findings *findings, bool warnings) {
    tk_json_write_name(buf, member);
    tk_buf_char(buf, '[');
    for (uint32_t i = 0; i < findings->count; i++) {
        const tk_finding *finding = &findings->items[i];
        if (finding->warning != warnings) {
            continue;
        }
        tk_json_write_comma(buf);
        tk_buf_char(buf, '{');
        tk_json_write_member_string(buf, "file", tk_str_of(file));
        tk_json_write_member_int(buf, "line", finding->line);
        tk_json_write_member_int(buf, "column", finding->column);
        tk_json_write_member_string(buf, "path", tk_str_of(finding->path));
        tk_json_write_member_string(buf, "message", tk_str_of(finding->message));
        tk_buf_char(buf, '}');
    }
    tk_buf_char(buf, ']');
}

void tk_template_report(tk_buf *buf, const char *name, tk_str spec, const tk_findings *findings) {
    tk_json root = {0};
    if (spec.size > 0 && tk_json_parse(spec, TK_SPEC_BYTES_MAX, &root, NULL) != TASKER_OK) {
        root = (tk_json){0};
    }
    tk_buf_char(buf, '{');
    tk_json_write_member_bool(buf, "valid", findings->error_count == 0);
    tk_json_write_member_raw(buf, "name", tk_json_member(root, "name").text);
    tk_json_write_member_raw(buf, "namespace", tk_json_member(root, "namespace").text);
    tk_json_write_member_raw(buf, "version", tk_json_member(root, "version").text);
    tk_json_write_member_int(buf, "steps", (int64_t)tk_json_count(tk_json_member(root, "steps")));
    tk_json_write_member_int(buf, "error_count", findings->error_count);
    tk_json_write_member_int(buf, "warning_count", findings->warning_count);
    write_findings(buf, "errors", name, findings, false);
    write_findings(buf, "warnings", name, findings, true);
    tk_buf_char(buf, '}');
}
