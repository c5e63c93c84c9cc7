/*
 * suggest.h - the nearest known word to one that is not.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include "base.h"

/* Longer words are not compared. */
#define SUGGEST_BYTES_MAX 100

/* What was found so far; zero-initialised is empty. */
typedef struct suggestion {
    const char *word; /* NULL: nothing near enough */
    size_t distance;
} suggestion;

/* suggest offers one known word; it stays if it is nearer to `wrong` than the last. A word is near
 * when at most a third of it (and at least one letter) differs, or when `wrong` begins it. */
void suggest(suggestion *best, const char *wrong, const char *known);

/* suggest_known_as says whether `words`, " one two " or NULL, has the word. */
bool suggest_known_as(const char *words, const char *word);

#endif
