/*
 * redact.h - hides members of a JSON text from readers, and puts them back.
 *
 * A path is names with dots between them. It hides every member whose place ends with it, at any depth,
 * through arrays too: `email` hides each email, `customer.email` those within a customer.
 */
#ifndef TK_REDACT_H
#define TK_REDACT_H

#include "json.h"

#define TK_REDACT_PATHS_MAX 64
#define TK_REDACTED "[redacted]"

typedef struct tk_redact {
    const tk_str *paths;
    uint32_t count;
} tk_redact;

/* tk_redact_hide writes the text with "[redacted]" in the place of each hidden value, and every other byte
 * as it is. What is no JSON is copied. */
void tk_redact_hide(const tk_redact *redact, tk_str text, tk_buf *buf);

/* tk_redact_restore puts the values of `old` back where `text` still has "[redacted]" as a hidden value;
 * what has no old value stays. */
void tk_redact_restore(const tk_redact *redact, tk_str text, tk_str old, tk_buf *buf);

/* tk_redact_covers tells whether a place in a document ("$.context.card[0].number") is a hidden member or
 * within one. */
bool tk_redact_covers(const tk_redact *redact, const char *place);

#endif
