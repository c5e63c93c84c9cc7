/*
 * yaml_scalar.c - what a plain scalar is: null, a truth value, a number or a text.
 *
 *   yaml.c --plain scalar--> [yaml_scalar.c] --kind, JSON spelling--> tk_yaml
 *
 * The rules are serde_yaml's, so that existing templates mean what they meant. Numbers are not
 * converted but respelled: 2^64 and 0.10 keep their digits.
 */
#include "yaml_tree.h"

static bool one_of(tk_str text, const char *a, const char *b, const char *c) {
    return tk_str_is(text, a) || tk_str_is(text, b) || tk_str_is(text, c);
}

static tk_str skip(tk_str text, size_t size) {
    return (tk_str){text.data + size, text.size - size};
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static size_t digits_at_start(tk_str text) {
    size_t count = 0;
    while (count < text.size && is_digit(text.data[count])) {
        count++;
    }
    return count;
}

static bool starts_with_sign(tk_str text) {
    return text.size > 0 && (text.data[0] == '+' || text.data[0] == '-');
}

/* --- whole numbers --- */

static int digit_value(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* Reads 0x1F, 0o17, 0b11 behind the sign; false when it is none or beyond 64 bits. */
static bool read_based(tk_str rest, uint64_t *number) {
    if (rest.size < 3 || rest.data[0] != '0') {
        return false;
    }
    int base = rest.data[1] == 'x' ? 16 : rest.data[1] == 'o' ? 8 : rest.data[1] == 'b' ? 2 : 0;
    if (base == 0) {
        return false;
    }
    *number = 0;
    for (size_t i = 2; i < rest.size; i++) {
        int digit = digit_value(rest.data[i]);
        if (digit >= base || *number > (UINT64_MAX - (uint64_t)digit) / (uint64_t)base) {
            return false;
        }
        *number = *number * (uint64_t)base + (uint64_t)digit;
    }
    return true;
}

/* --- decimal fractions --- */

/* The parts of "-012.50e+3": whole "012", fraction "50", exponent "e+3". */
typedef struct decimal {
    tk_str whole, fraction, exponent;
    bool point;
} decimal;

static bool read_exponent(tk_str rest, tk_str *exponent) {
    *exponent = rest;
    if (rest.size == 0) {
        return true;
    }
    if (rest.data[0] != 'e' && rest.data[0] != 'E') {
        return false;
    }
    rest = skip(rest, 1);
    if (starts_with_sign(rest)) {
        rest = skip(rest, 1);
    }
    return rest.size > 0 && digits_at_start(rest) == rest.size;
}

static bool read_decimal(tk_str rest, decimal *d) {
    *d = (decimal){.whole = {rest.data, digits_at_start(rest)}};
    rest = skip(rest, d->whole.size);
    if (rest.size > 0 && rest.data[0] == '.') {
        d->point = true;
        rest = skip(rest, 1);
        d->fraction = (tk_str){rest.data, digits_at_start(rest)};
        rest = skip(rest, d->fraction.size);
    }
    return d->whole.size + d->fraction.size > 0 && read_exponent(rest, &d->exponent);
}

/* JSON wants neither a plus sign nor leading zeros, and digits on both sides of the point. */
static bool spell_decimal(tk_arena *arena, bool negative, const decimal *d, tk_str *json) {
    tk_buf buf = {0};
    tk_str whole = d->whole;
    while (whole.size > 1 && whole.data[0] == '0') {
        whole = skip(whole, 1);
    }
    tk_buf_text(&buf, negative ? "-" : "");
    tk_buf_str(&buf, whole.size > 0 ? whole : TK_STR("0"));
    if (d->point) {
        tk_buf_char(&buf, '.');
        tk_buf_str(&buf, d->fraction.size > 0 ? d->fraction : TK_STR("0"));
    }
    tk_buf_str(&buf, d->exponent);
    bool ok = !buf.failed && tk_arena_str(arena, tk_buf_view(&buf), json);
    tk_buf_release(&buf);
    return ok;
}

static bool resolve_number(tk_arena *arena, tk_str plain, tk_yaml_kind *kind, tk_str *json) {
    bool negative = plain.size > 0 && plain.data[0] == '-';
    tk_str rest = starts_with_sign(plain) ? skip(plain, 1) : plain;
    uint64_t number = 0;
    if (read_based(rest, &number)) {
        char *text = tk_arena_printf(arena, "%s%" PRIu64, negative ? "-" : "", number);
        *kind = TK_YAML_INTEGER;
        *json = tk_str_of(text);
        return text != NULL;
    }
    if (rest.size > 0 && digits_at_start(rest) == rest.size) {
        if (rest.data[0] == '0' && rest.size > 1) {
            return true; /* "007" is a text */
        }
        *kind = TK_YAML_INTEGER;
        return tk_arena_str(arena, negative ? plain : rest, json);
    }
    decimal d;
    if (!read_decimal(rest, &d)) {
        return true;
    }
    *kind = TK_YAML_FLOAT;
    return spell_decimal(arena, negative, &d, json);
}

static bool is_infinite_or_nan(tk_str plain) {
    tk_str rest = starts_with_sign(plain) ? skip(plain, 1) : plain;
    return one_of(rest, ".inf", ".Inf", ".INF") || one_of(plain, ".nan", ".NaN", ".NAN");
}

bool tk_yaml_resolve(tk_arena *arena, tk_str plain, tk_yaml_kind *kind, tk_str *json,
                     bool *finite) {
    *kind = TK_YAML_STRING;
    *json = plain;
    *finite = true;
    if (plain.size == 0 || tk_str_is(plain, "~") || one_of(plain, "null", "Null", "NULL")) {
        *kind = TK_YAML_NULL;
    } else if (one_of(plain, "true", "True", "TRUE")) {
        *kind = TK_YAML_TRUE;
    } else if (one_of(plain, "false", "False", "FALSE")) {
        *kind = TK_YAML_FALSE;
    } else if (is_infinite_or_nan(plain)) {
        *kind = TK_YAML_FLOAT;
        *finite = false;
    } else {
        return resolve_number(arena, plain, kind, json);
    }
    return true;
}
