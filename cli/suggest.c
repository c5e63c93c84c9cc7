/*
 * suggest.c - distance between words: letters added, left out, changed or swapped.
 */
#include "suggest.h"

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* The optimal string alignment distance; the last three rows of its table are enough. */
static size_t distance_of(const char *a, size_t a_size, const char *b, size_t b_size) {
    size_t rows[3][SUGGEST_BYTES_MAX + 1] = {0};
    for (size_t j = 0; j <= b_size; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = least(change, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least(row[j], two_above[j - 2] + 1);
            }
        }
    }
    return rows[a_size % 3][b_size];
}

void suggest(suggestion *best, const char *wrong, const char *known) {
    size_t wrong_size = strlen(wrong);
    size_t known_size = strlen(known);
    if (wrong_size == 0 || wrong_size > SUGGEST_BYTES_MAX || known_size > SUGGEST_BYTES_MAX) {
        return;
    }
    bool begins = wrong_size >= 2 && strncmp(wrong, known, wrong_size) == 0;
    size_t distance = begins ? 1 : distance_of(wrong, wrong_size, known, known_size);
    size_t allowed = known_size <= 3 ? 1 : known_size / 3 + (known_size % 3 > 0 ? 1 : 0);
    if (distance <= allowed && (best->word == NULL || distance < best->distance)) {
        best->word = known;
        best->distance = distance;
    }
}

bool suggest_known_as(const char *words, const char *word) {
    size_t size = strlen(word);
    const char *at = words == NULL || size == 0 ? NULL : strstr(words, word);
    while (at != NULL && !(at > words && at[-1] == ' ' && at[size] == ' ')) {
        at = strstr(at + 1, word);
    }
    return at != NULL;
}
