/*
 * id.h - UUIDs: of tasks (version 7, the low 16 bits zero), of their steps (the task's with the low
 * 16 bits = step number + 1), of claims (event ids that carry the token), and derived ones.
 */
#ifndef TK_ID_H
#define TK_ID_H

#include "base.h"

typedef struct tk_uuid {
    uint8_t bytes[16];
} tk_uuid;

/* tk_uuid_task makes a task's id: a UUIDv7 of `now_us` and 58 bits of `noise`, low 16 bits zero.
 * Ids made later in time sort later (to the millisecond). */
tk_uuid tk_uuid_task(int64_t now_us, uint64_t noise);

/* tk_uuid_time_us is when an id was made, to the millisecond. */
int64_t tk_uuid_time_us(const tk_uuid *task);

/* tk_uuid_floor is below every id made at that time or later, and above all made before. */
tk_uuid tk_uuid_floor(int64_t at_us);

/* tk_uuid_step is the id of step number `step` (0..65534) of a task. */
tk_uuid tk_uuid_step(const tk_uuid *task, uint32_t step);

/* tk_uuid_step_split takes a step's id apart; false when it is a task's (low 16 bits zero). */
bool tk_uuid_step_split(const tk_uuid *id, tk_uuid *task, uint32_t *step);

/* tk_uuid_event packs a claim's token into an id (version 8); tk_uuid_event_token takes it out,
 * false when the id is none of ours. */
tk_uuid tk_uuid_event(uint64_t token);
bool tk_uuid_event_token(const tk_uuid *id, uint64_t *token);

/* tk_uuid_derived makes an id (version 8) from a text: equal texts, equal ids. For named tasks and
 * named steps. */
tk_uuid tk_uuid_derived(tk_str text);

/* tk_uuid_format writes 36 characters and a NUL. */
void tk_uuid_format(const tk_uuid *id, char text[TASKER_UUID_SIZE]);

/* tk_uuid_parse reads 36 characters, either case; false when it is no UUID. */
bool tk_uuid_parse(tk_str text, tk_uuid *id);

static inline int tk_uuid_compare(const tk_uuid *a, const tk_uuid *b) {
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static inline bool tk_uuid_equal(const tk_uuid *a, const tk_uuid *b) {
    return tk_uuid_compare(a, b) == 0;
}

/* tk_digest is a 128-bit fingerprint (FNV-1a) of a text, for finding equal ones among few; whoever
 * relies on it compares the texts as well. Not for cryptography. */
typedef struct tk_digest {
    uint8_t bytes[16];
} tk_digest;
tk_digest tk_digest_of(tk_str text);

#endif
