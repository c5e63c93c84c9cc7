/*
 * names.h - an index from a name to a number, sorted once and then searched.
 */
#ifndef TK_NAMES_H
#define TK_NAMES_H

#include "base.h"

typedef struct tk_name {
    tk_str text;
    uint32_t number;
} tk_name;

/* tk_names_sort orders by text (bytes), then by number. */
void tk_names_sort(tk_name *names, uint32_t count);

/* tk_names_find searches sorted names; of equal ones the one with the least number; NULL: none. */
const tk_name *tk_names_find(const tk_name *names, uint32_t count, tk_str text);

#endif
