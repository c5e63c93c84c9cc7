/*
 * key.c - keys of the HTTP server. A key is a name, what it may do and in which namespace; who holds its
 * secret has it. The store keeps the secret's SHA-256, so that a copy of it opens nothing.
 *
 *   create ─► secret, shown once ─► SHA-256 ─► row          find: SHA-256 ─► row
 *
 * A revoked key's row stays: who made it, who took it back, and why.
 */
#include "key.h"

#include <stdio.h>

#include "secret.h"

#define KEY_REQUEST_BYTES_MAX 4096
#define KEY_SECRET_BYTES_MAX 256 /* of what somebody gives as one */

static const char *const words[] = {
#define X(word) word,
    TASKER_PERMISSION_MAP(X)
#undef X
};

/* --- permission words ------------------------------------------------------------------------- */

/* "resource:action", or "resource:*" of a resource that has any. */
static bool word_is_known(tk_str word) {
    for (size_t i = 0; i < TK_COUNT_OF(words); i++) {
        size_t resource = (size_t)(strchr(words[i], ':') - words[i]) + 1;
        bool wild = word.size == resource + 1 && word.data[resource] == '*' &&
                    memcmp(word.data, words[i], resource) == 0;
        if (wild || tk_str_is(word, words[i])) {
            return true;
        }
    }
    return false;
}

static tasker_status fail_word(size_t index, tasker_error *error) {
    char path[TASKER_PATH_MAX];
    char known[TASKER_MESSAGE_MAX] = "";
    size_t used = 0;
    for (size_t i = 0; i < TK_COUNT_OF(words); i++) {
        int size = snprintf(known + used, sizeof(known) - used, " %s", words[i]);
        used += size > 0 && (size_t)size < sizeof(known) - used ? (size_t)size : 0;
    }
    (void)snprintf(path, sizeof(path), "$.permissions[%zu]", index);
    return tk_fail_at(error, TASKER_INVALID, path,
                      "no such permission; there are%s, and RESOURCE:* for all of one", known);
}

/* Takes the words over without white space. */
static tasker_status permissions_read(tk_arena *arena, tk_json given, tk_buf *permissions,
                                      tasker_error *error) {
    tk_json_iterator it = tk_json_each(given);
    if (given.kind != TK_JSON_ARRAY || tk_json_count(given) == 0) {
        return tk_fail_at(error, TASKER_INVALID, "$.permissions",
                          "expected an array of permissions, as [\"tasks:read\"]");
    }
    tk_buf_char(permissions, '[');
    while (tk_json_next(&it)) {
        tk_str word;
        if (!tk_json_string(arena, it.value, &word)) {
            return tk_nomem(error);
        }
        if (it.value.kind != TK_JSON_STRING || !word_is_known(word)) {
            return fail_word(it.index, error);
        }
        tk_json_write_comma(permissions);
        tk_json_write_string(permissions, word);
    }
    tk_buf_char(permissions, ']');
    return permissions->failed ? tk_nomem(error) : TASKER_OK;
}

static bool permissions_sound(tk_str text) {
    tk_json list = {0};
    if (tk_json_parse(text, KEY_REQUEST_BYTES_MAX, &list, NULL) != TASKER_OK ||
        list.kind != TK_JSON_ARRAY || tk_json_count(list) == 0) {
        return false;
    }
    tk_json_iterator it = tk_json_each(list);
    while (tk_json_next(&it)) { /* no word needs an escape */
        if (it.value.kind != TK_JSON_STRING ||
            !word_is_known((tk_str){it.value.text.data + 1, it.value.text.size - 2})) {
            return false;
        }
    }
    return true;
}

const char *tk_key_fault(const tk_key_row *row) {
    if (row->hash.size != TK_SECRET_HASH_BYTES) {
        return "its fingerprint is none";
    }
    if (row->name.size == 0) {
        return "it has no name";
    }
    if (!permissions_sound(row->permissions)) {
        return "its permissions are none that are known";
    }
    return row->revoked_us != 0 && row->revoked_us < row->created_us
               ? "it was revoked before it was made"
               : NULL;
}

/* --- as JSON ---------------------------------------------------------------------------------- */

static void write_key(tk_buf *buf, const tk_key_row *row) {
    tk_buf_char(buf, '{');
    tk_json_write_member_int(buf, "id", row->id);
    tk_json_write_member_string(buf, "name", row->name);
    tk_json_write_member_raw(buf, "permissions", row->permissions);
    tk_json_write_member_string_or_null(buf, "namespace", row->namespace_name);
}

static void write_record(tk_buf *buf, const tk_key_row *row) {
    tk_json_write_member_time(buf, "created_at", row->created_us);
    tk_json_write_member_string_or_null(buf, "created_by", row->created_by);
    tk_json_write_member_string_or_null(buf, "created_reason", row->created_reason);
    tk_json_write_member_time(buf, "revoked_at", row->revoked_us);
    tk_json_write_member_string_or_null(buf, "revoked_by", row->revoked_by);
    tk_json_write_member_string_or_null(buf, "revoked_reason", row->revoked_reason);
}

/* --- create ----------------------------------------------------------------------------------- */

static tasker_status name_read(tk_arena *arena, tk_json object, const char *member, bool required,
                               tk_str *name, tasker_error *error) {
    tk_json value = tk_json_member(object, member);
    char path[TASKER_PATH_MAX];
    *name = (tk_str){NULL, 0};
    if (!required && (value.kind == TK_JSON_NONE || value.kind == TK_JSON_NULL)) {
        return TASKER_OK;
    }
    if (!tk_json_string(arena, value, name)) {
        return tk_nomem(error);
    }
    bool sound = name->size > 0 && name->size <= TASKER_NAME_BYTES_MAX;
    for (size_t i = 0; i < name->size; i++) {
        sound = sound && (uint8_t)name->data[i] >= ' ' && name->data[i] != 0x7f;
    }
    (void)snprintf(path, sizeof(path), "$.%s", member);
    return sound ? TASKER_OK
                 : tk_fail_at(error, TASKER_INVALID, path,
                              "expected a text of 1 to %d bytes without control characters",
                              TASKER_NAME_BYTES_MAX);
}

static tasker_status request_read(tk_arena *arena, tk_str request, tk_key_row *row,
                                  tk_buf *permissions, tasker_error *error) {
    tk_json object = {0};
    tasker_status status = tk_json_parse(request, KEY_REQUEST_BYTES_MAX, &object, error);
    if (status == TASKER_OK && object.kind != TK_JSON_OBJECT) {
        status = tk_fail_at(error, TASKER_INVALID, "$", "expected an object");
    }
    if (status == TASKER_OK) {
        status = name_read(arena, object, "name", true, &row->name, error);
    }
    if (status == TASKER_OK) {
        status = name_read(arena, object, "namespace", false, &row->namespace_name, error);
    }
    if (status == TASKER_OK) {
        tk_json given = tk_json_member(object, "permissions");
        status = permissions_read(arena, given, permissions, error);
    }
    row->permissions = tk_buf_view(permissions);
    return status;
}

static tasker_status insert(tk_engine *engine, tk_key_row *row, tasker_error *error) {
    bool inserted = false;
    tasker_status status = tk_store_call(engine->store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, key_insert, row, &inserted, error);
    }
    if (status == TASKER_OK && !inserted) {
        status = tk_fail_at(error, TASKER_CONFLICT, "$.name",
                            "there is a key of that name; revoke it first, or choose another");
    }
    return tk_verb_finish(engine, status, error);
}

tasker_status tk_key_create(tk_engine *engine, tk_str request, const tasker_act *act,
                            tk_buf *answer, tasker_error *error) {
    tk_arena arena = {0};
    tk_buf permissions = {0};
    char secret[TK_SECRET_SIZE];
    uint8_t hash[TK_SECRET_HASH_BYTES];
    tk_key_row row = {
        .hash = {(const char *)hash, sizeof(hash)},
        .created_us = tk_clock_now(engine->clock),
        .created_by = tk_str_of(act == NULL ? NULL : act->actor),
        .created_reason = tk_str_of(act == NULL ? NULL : act->reason),
    };
    tk_secret_make(engine->random, secret);
    tasker_status status = request_read(&arena, request, &row, &permissions, error);
    if (status == TASKER_OK) {
        status = tk_secret_hash(tk_str_of(secret), hash, error);
    }
    if (status == TASKER_OK) {
        status = insert(engine, &row, error);
    }
    if (status == TASKER_OK) {
        write_key(answer, &row);
        tk_json_write_member_time(answer, "created_at", row.created_us);
        tk_json_write_member_string(answer, "secret", tk_str_of(secret));
        tk_buf_char(answer, '}');
    }
    explicit_bzero(secret, sizeof(secret));
    tk_buf_release(&permissions);
    tk_arena_release(&arena);
    return status;
}

/* --- list, revoke, find ----------------------------------------------------------------------- */

/* Loads keys in a transaction of its own: all, or the one with a hash. */
static tasker_status load(tk_engine *engine, tk_arena *arena, tk_str hash, tk_key_row **rows,
                          uint32_t *count, tasker_error *error) {
    tasker_status status = tk_store_call(engine->store, begin, TK_STORE_READ, error);
    if (status != TASKER_OK) {
        return status;
    }
    status = tk_store_call(engine->store, key_list, arena, hash, rows, count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, commit, error);
    }
    if (status != TASKER_OK) {
        engine->store->driver->rollback(engine->store);
    }
    return status;
}

tasker_status tk_key_list(tk_engine *engine, tk_buf *answer, tasker_error *error) {
    tk_arena arena = {0};
    tk_key_row *rows = NULL;
    uint32_t count = 0;
    tasker_status status = load(engine, &arena, (tk_str){NULL, 0}, &rows, &count, error);
    tk_buf_char(answer, '[');
    for (uint32_t i = 0; status == TASKER_OK && i < count; i++) {
        tk_json_write_comma(answer);
        write_key(answer, &rows[i]);
        write_record(answer, &rows[i]);
        tk_buf_char(answer, '}');
    }
    tk_buf_char(answer, ']');
    tk_arena_release(&arena);
    return status;
}

/* The key in force of that name, else the one of that number. */
static const tk_key_row *key_named(const tk_key_row *rows, uint32_t count, tk_str name) {
    const tk_key_row *numbered = NULL;
    for (uint32_t i = 0; i < count; i++) {
        char number[16];
        (void)snprintf(number, sizeof(number), "%" PRId32, rows[i].id);
        if (rows[i].revoked_us == 0 && tk_str_equal(rows[i].name, name)) {
            return &rows[i];
        }
        numbered = tk_str_is(name, number) ? &rows[i] : numbered;
    }
    return numbered;
}

static tasker_status revoke_locked(tk_engine *engine, tk_arena *arena, tk_str name,
                                   const tasker_act *act, tasker_error *error) {
    tk_key_row *rows = NULL;
    uint32_t count = 0;
    bool revoked = false;
    const tk_str any = {NULL, 0};
    tasker_status status = tk_store_call(engine->store, key_list, arena, any, &rows, &count, error);
    if (status == TASKER_OK) {
        status = tk_store_call(engine->store, sync, error);
    }
    if (status != TASKER_OK) {
        return status;
    }
    const tk_key_row *found = key_named(rows, count, name);
    if (found == NULL) {
        return tk_fail(error, TASKER_NOTFOUND, "there is no such key; `tasker key list` has all");
    }
    tk_key_row row = *found;
    row.revoked_us = tk_clock_now(engine->clock);
    row.revoked_us = row.revoked_us < row.created_us ? row.created_us : row.revoked_us;
    row.revoked_by = tk_str_of(act == NULL ? NULL : act->actor);
    row.revoked_reason = tk_str_of(act == NULL ? NULL : act->reason);
    status = tk_store_call(engine->store, key_revoke, &row, &revoked, error);
    return status == TASKER_OK && !revoked
               ? tk_fail(error, TASKER_CONFLICT, "the key was revoked before")
               : status;
}

tasker_status tk_key_revoke(tk_engine *engine, tk_str name, const tasker_act *act,
                            tasker_error *error) {
    tk_arena arena = {0};
    tasker_status status = tk_store_call(engine->store, begin, TK_STORE_WRITE, error);
    if (status == TASKER_OK) {
        status = revoke_locked(engine, &arena, name, act, error);
    }
    status = tk_verb_finish(engine, status, error);
    tk_arena_release(&arena);
    return status;
}

/* In a time that tells nothing of where they differ. */
static bool hash_equal(const uint8_t *hash, tk_str stored) {
    uint8_t differs = stored.size != TK_SECRET_HASH_BYTES;
    for (size_t i = 0; differs == 0 && i < TK_SECRET_HASH_BYTES; i++) {
        differs |= (uint8_t)(hash[i] ^ (uint8_t)stored.data[i]);
    }
    return differs == 0;
}

/* *found stays NULL when there is none. */
static tasker_status find(tk_engine *engine, tk_arena *arena, tk_str secret,
                          const tk_key_row **found, tasker_error *error) {
    tk_key_row *rows = NULL;
    uint32_t count = 0;
    uint8_t hash[TK_SECRET_HASH_BYTES];
    if (secret.size == 0 || secret.size > KEY_SECRET_BYTES_MAX) {
        return TASKER_OK;
    }
    tasker_status status = tk_secret_hash(secret, hash, error);
    if (status == TASKER_OK) {
        const tk_str key = {(const char *)hash, sizeof(hash)};
        status = load(engine, arena, key, &rows, &count, error);
    }
    if (status == TASKER_OK && count == 1 && hash_equal(hash, rows[0].hash)) {
        *found = &rows[0];
    }
    return status;
}

tasker_status tk_key_find(tk_engine *engine, tk_str secret, tk_buf *answer, tasker_error *error) {
    tk_arena arena = {0};
    const tk_key_row *found = NULL;
    tasker_status status = find(engine, &arena, secret, &found, error);
    if (status == TASKER_OK && found == NULL) {
        status = tk_fail(error, TASKER_NOTFOUND, "no key has this secret");
    } else if (status == TASKER_OK) {
        write_key(answer, found);
        tk_json_write_member_bool(answer, "revoked", found->revoked_us != 0);
        tk_buf_char(answer, '}');
    }
    tk_arena_release(&arena);
    return status;
}
