/*
 * json_view.c - JSON for people; what it shows is JSON again. Depth is bounded by the parser.
 */
#include "json_view.h"

enum { STEP = 2, INLINE_BYTES_MAX = 60 };

static void view(out *o, tk_json value, size_t indent);

static void line(out *o, size_t indent) {
    tk_buf_char(&o->text, '\n');
    for (size_t i = 0; i < indent; i++) {
        tk_buf_char(&o->text, ' ');
    }
}

/* Without containers inside and short as written. */
static bool is_small(tk_json container) {
    tk_json_iterator it = tk_json_each(container);
    size_t size = 0;
    while (tk_json_next(&it)) {
        if (it.value.kind >= TK_JSON_ARRAY && tk_json_count(it.value) > 0) {
            return false;
        }
        size += it.name.text.size + it.value.text.size + 4;
        if (size > INLINE_BYTES_MAX) {
            return false;
        }
    }
    return true;
}

static void view_container(out *o, tk_json container, size_t indent) {
    bool object = container.kind == TK_JSON_OBJECT;
    bool small = is_small(container);
    bool any = false;

    tk_buf_char(&o->text, object ? '{' : '[');
    tk_json_iterator it = tk_json_each(container);
    while (tk_json_next(&it)) {
        tk_buf_text(&o->text, any ? (small ? ", " : ",") : "");
        any = true;
        if (!small) {
            line(o, indent + STEP);
        }
        if (object) {
            out_color_begin(o, OUT_CYAN);
            out_json_safe(&o->text, it.name.text);
            out_color_end(o, OUT_CYAN);
            tk_buf_text(&o->text, ": ");
        }
        view(o, it.value, indent + STEP);
    }
    if (any && !small) {
        line(o, indent);
    }
    tk_buf_char(&o->text, object ? '}' : ']');
}

static void view(out *o, tk_json value, size_t indent) {
    switch (value.kind) {
    case TK_JSON_ARRAY:
    case TK_JSON_OBJECT:
        view_container(o, value, indent);
        return;
    case TK_JSON_STRING:
        out_color_begin(o, OUT_GREEN);
        out_json_safe(&o->text, value.text);
        out_color_end(o, OUT_GREEN);
        return;
    case TK_JSON_NONE:
        tk_buf_text(&o->text, "null");
        return;
    case TK_JSON_NULL:
    case TK_JSON_FALSE:
    case TK_JSON_TRUE:
    case TK_JSON_NUMBER:
        tk_buf_str(&o->text, value.text);
        return;
    }
}

void json_view(out *o, tk_json value, size_t indent) {
    view(o, value, indent);
}

void json_print(out *o, tk_json document) {
    if (o->terminal) {
        view(o, document, 0);
    } else {
        out_json_safe(&o->text, document.text);
    }
    tk_buf_char(&o->text, '\n');
}

tk_str json_text(tk_arena *arena, tk_json value) {
    tk_str text = {NULL, 0};
    if (value.kind == TK_JSON_NONE || value.kind == TK_JSON_NULL) {
        return text;
    }
    if (value.kind != TK_JSON_STRING) {
        return value.text;
    }
    return tk_json_string(arena, value, &text) ? text : (tk_str){NULL, 0};
}

int64_t json_count(tk_json object, const char *name) {
    int64_t number = 0;
    tk_json value = tk_json_member(object, name);
    return value.kind == TK_JSON_NUMBER && tk_json_int(value, &number) ? number : 0;
}
