/*
 * names.c - an index from a name to a number (of a step, mostly).
 */
#include "names.h"

#include <stdlib.h>

static int text_compare(tk_str a, tk_str b) {
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int name_compare(const void *left, const void *right) {
    const tk_name *a = left;
    const tk_name *b = right;
    int order = text_compare(a->text, b->text);
    return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

void tk_names_sort(tk_name *names, uint32_t count) {
    if (count > 1) {
        qsort(names, count, sizeof(*names), name_compare);
    }
}

const tk_name *tk_names_find(const tk_name *names, uint32_t count, tk_str text) {
    uint32_t low = 0;
    uint32_t high = count; /* the first name that is not before `text` is in low..high */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (text_compare(names[middle].text, text) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && tk_str_equal(names[low].text, text) ? &names[low] : NULL;
}
