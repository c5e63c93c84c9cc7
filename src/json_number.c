/*
 * json_number.c - numbers by their digits: compared exactly, converted only when asked.
 *
 * A number is read as 0.d1 d2 d3 … × 10^(point + exponent), where d1 is its first digit that is not
 * zero. Nothing here counts up to an exponent: 1e308 and 1e999999999999 cost what their text costs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "json_inner.h"

/* Sums of exponents stop here. Places within a text are far smaller (TK_JSON_BYTES_MAX), so a sum
 * that stopped cannot come back. */
#define EXPONENT_MAX INT64_C(1000000000000)

enum {
    DOUBLE_DIGITS_MAX = 40,       /* more do not change what a double can hold */
    DOUBLE_EXPONENT_MAX = 100000, /* beyond it is infinity or zero */
    INT64_DIGITS_MAX = 19
};

typedef struct decimal {
    bool negative;
    const char *first, *last; /* the outermost digits that are not zero; NULL for zero */
    int64_t point;            /* the power of ten above the first digit's place */
    int64_t last_place;       /* the power of ten of the last digit's place */
    bool exponent_negative;
    tk_str exponent; /* digits, without leading zeros */
} decimal;

static tk_str exponent_read(const char *at, const char *end, bool *negative) {
    *negative = false;
    if (at == end) {
        return (tk_str){NULL, 0};
    }
    at++; /* e or E */
    if (*at == '+' || *at == '-') {
        *negative = *at == '-';
        at++;
    }
    while (at < end && *at == '0') {
        at++;
    }
    return (tk_str){at, (size_t)(end - at)};
}

/* The power of ten of a digit; `point_at` is where the point is, or where it would be. */
static int64_t place_of(const char *digit, const char *point_at) {
    return digit < point_at ? point_at - digit - 1 : point_at - digit;
}

static decimal decimal_read(tk_json number) {
    assert(number.kind == TK_JSON_NUMBER);
    const char *at = number.text.data;
    const char *end = at + number.text.size;
    const char *point_at = NULL;
    decimal d = {.negative = *at == '-'};

    at += d.negative ? 1 : 0;
    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            point_at = at;
        } else if (*at != '0') {
            d.first = d.first == NULL ? at : d.first;
            d.last = at;
        }
    }
    point_at = point_at == NULL ? at : point_at;
    d.exponent = exponent_read(at, end, &d.exponent_negative);
    if (d.first != NULL) {
        d.point = place_of(d.first, point_at) + 1;
        d.last_place = place_of(d.last, point_at);
    }
    return d;
}

/* The digit of a decimal exponent at a power of ten, with its sign. */
static int exponent_digit(const decimal *d, size_t place) {
    if (place >= d->exponent.size) {
        return 0;
    }
    int digit = d->exponent.data[d->exponent.size - 1 - place] - '0';
    return d->exponent_negative ? -digit : digit;
}

/* a's exponent less b's, from the highest digit down. What has passed EXPONENT_MAX stays beyond it,
 * with its sign, whatever digits follow. */
static int64_t exponent_difference(const decimal *a, const decimal *b) {
    int64_t difference = 0;
    size_t places = a->exponent.size > b->exponent.size ? a->exponent.size : b->exponent.size;
    for (size_t place = places; place > 0; place--) {
        int step = exponent_digit(a, place - 1) - exponent_digit(b, place - 1);
        difference = difference * 10 + step;
        if (difference > EXPONENT_MAX || difference < -EXPONENT_MAX) {
            return difference > 0 ? EXPONENT_MAX : -EXPONENT_MAX;
        }
    }
    return difference;
}

static int64_t exponent_value(const decimal *d) {
    static const decimal zero = {0};
    return exponent_difference(d, &zero);
}

/* Takes the next digit and moves on; zeros follow the last one without end. */
static int digit_next(const decimal *d, const char **at) {
    if (*at > d->last) {
        return 0;
    }
    *at += **at == '.' ? 1 : 0;
    int digit = **at - '0';
    (*at)++;
    return digit;
}

/* Compares the absolute values of two numbers that are not zero. */
static int magnitude_compare(const decimal *a, const decimal *b) {
    int64_t difference = exponent_difference(a, b) + a->point - b->point;
    if (difference != 0) {
        return difference > 0 ? 1 : -1;
    }
    const char *left = a->first;
    const char *right = b->first;
    while (left <= a->last || right <= b->last) {
        int x = digit_next(a, &left);
        int y = digit_next(b, &right);
        if (x != y) {
            return x > y ? 1 : -1;
        }
    }
    return 0;
}

static int sign_of(const decimal *d) {
    if (d->first == NULL) {
        return 0; /* -0 is 0 */
    }
    return d->negative ? -1 : 1;
}

int tk_json_number_compare(tk_json a, tk_json b) {
    decimal left = decimal_read(a);
    decimal right = decimal_read(b);
    int sign = sign_of(&left);
    if (sign != sign_of(&right)) {
        return sign > sign_of(&right) ? 1 : -1;
    }
    return sign == 0 ? 0 : sign * magnitude_compare(&left, &right);
}

static bool is_whole(const decimal *d) {
    return d->first == NULL || exponent_value(d) + d->last_place >= 0;
}

bool tk_json_number_is_integer(tk_json value) {
    if (value.kind != TK_JSON_NUMBER) {
        return false;
    }
    decimal d = decimal_read(value);
    return is_whole(&d);
}

bool tk_json_int(tk_json value, int64_t *number) {
    if (value.kind != TK_JSON_NUMBER) {
        return false;
    }
    decimal d = decimal_read(value);
    if (d.first == NULL) {
        *number = 0;
        return true;
    }
    int64_t digits = exponent_value(&d) + d.point;
    if (!is_whole(&d) || digits > INT64_DIGITS_MAX) {
        return false;
    }
    uint64_t magnitude = 0; /* 19 digits always fit */
    const char *at = d.first;
    for (int64_t i = 0; i < digits; i++) {
        magnitude = magnitude * 10 + (uint64_t)digit_next(&d, &at);
    }
    uint64_t most = (uint64_t)INT64_MAX + (d.negative ? 1 : 0);
    if (magnitude > most) {
        return false;
    }
    *number = d.negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

/* Hands strtod an integer and an exponent: without a point the locale does not matter. */
double tk_json_double(tk_json value) {
    if (value.kind != TK_JSON_NUMBER) {
        return 0.0;
    }
    decimal d = decimal_read(value);
    if (d.first == NULL) {
        return d.negative ? -0.0 : 0.0;
    }
    char text[DOUBLE_DIGITS_MAX + 32];
    size_t size = 0;
    const char *at = d.first;
    while (at <= d.last && size < DOUBLE_DIGITS_MAX) {
        text[size++] = (char)('0' + digit_next(&d, &at));
    }
    int64_t exponent = exponent_value(&d) + d.point - (int64_t)size;
    if (exponent > DOUBLE_EXPONENT_MAX) {
        exponent = DOUBLE_EXPONENT_MAX;
    } else if (exponent < -DOUBLE_EXPONENT_MAX) {
        exponent = -DOUBLE_EXPONENT_MAX;
    }
    snprintf(text + size, sizeof(text) - size, "e%" PRId64, exponent);
    double magnitude = strtod(text, NULL);
    return d.negative ? -magnitude : magnitude;
}
