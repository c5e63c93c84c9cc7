/*
 * keys.c - API keys, as the store tells them, remembered for some seconds.
 *
 * A key that was revoked is refused within KEYS_FRESH_MS. What is remembered is a secret's SHA-256,
 * compared in constant time; wrong keys are not remembered.
 */
#include "keys.h"

#include "clock.h"
#include "secret.h"

enum { KEYS_FRESH_MS = 3000, KEYS_REMEMBERED_MAX = 256 };

typedef struct remembered {
    uint8_t hash[TK_SECRET_HASH_BYTES];
    int64_t until_us; /* monotonic; 0: empty */
    char name[TASKER_NAME_BYTES_MAX + 1];
    char namespace_name[TASKER_NAME_BYTES_MAX + 1];
    char permissions[KEY_PERMISSIONS_BYTES_MAX + 1];
} remembered;

struct serve_keys {
    pthread_mutex_t mutex;
    int64_t required_until_us;
    bool required;
    remembered known[KEYS_REMEMBERED_MAX];
    uint32_t next; /* is overwritten by the next one */
};

tasker_status keys_open(serve_keys **keys, tasker_error *error) {
    *keys = tk_alloc(sizeof(**keys));
    if (*keys == NULL) {
        return tk_nomem(error);
    }
    pthread_mutex_init(&(*keys)->mutex, NULL);
    return TASKER_OK;
}

void keys_close(serve_keys *keys) {
    if (keys != NULL) {
        pthread_mutex_destroy(&keys->mutex);
        tk_free(keys);
    }
}

static int64_t monotonic(void) {
    return tk_clock_monotonic(&tk_clock_system);
}

/* The same time whatever the bytes are. */
static bool hash_equal(const uint8_t a[TK_SECRET_HASH_BYTES],
                       const uint8_t b[TK_SECRET_HASH_BYTES]) {
    volatile uint8_t differs = 0;
    for (size_t i = 0; i < TK_SECRET_HASH_BYTES; i++) {
        differs = (uint8_t)(differs | (a[i] ^ b[i]));
    }
    return differs == 0;
}

/* --- whether keys are asked for --------------------------------------------------------------- */

key_required keys_required_known(serve_keys *keys) {
    pthread_mutex_lock(&keys->mutex);
    key_required known = monotonic() >= keys->required_until_us ? KEY_REQUIRED_UNKNOWN
                         : keys->required                       ? KEY_REQUIRED
                                                                : KEY_NOT_REQUIRED;
    pthread_mutex_unlock(&keys->mutex);
    return known;
}

tasker_status keys_required(serve_keys *keys, tasker *store, bool *required, tasker_error *error) {
    tasker_text text = {0};
    tk_json all = {0};
    tasker_status status = tasker_key_list(store, &text, error);
    if (status == TASKER_OK) {
        status = tk_json_parse((tk_str){text.data, text.size}, TK_BUF_BYTES_MAX, &all, error);
    }
    if (status == TASKER_OK) {
        *required = tk_json_count(all) > 0;
        pthread_mutex_lock(&keys->mutex);
        keys->required = *required;
        keys->required_until_us = monotonic() + (int64_t)KEYS_FRESH_MS * 1000;
        pthread_mutex_unlock(&keys->mutex);
    }
    tasker_text_free(&text);
    return status;
}

/* --- one key ---------------------------------------------------------------------------------- */

static bool caller_of(tk_arena *arena, const remembered *one, serve_caller *caller) {
    caller->keyed = true;
    return tk_arena_str(arena, tk_str_of(one->name), &caller->name) &&
           tk_arena_str(arena, tk_str_of(one->permissions), &caller->permissions) &&
           tk_arena_str(arena, tk_str_of(one->namespace_name), &caller->namespace_name);
}

bool keys_known(serve_keys *keys, tk_str secret, tk_arena *arena, serve_caller *caller) {
    uint8_t hash[TK_SECRET_HASH_BYTES];
    if (tk_secret_hash(secret, hash, NULL) != TASKER_OK) {
        return false;
    }
    bool found = false;
    int64_t now_us = monotonic();
    pthread_mutex_lock(&keys->mutex);
    for (size_t i = 0; i < KEYS_REMEMBERED_MAX; i++) {
        const remembered *one = &keys->known[i];
        if (one->until_us > now_us && hash_equal(one->hash, hash)) {
            found = caller_of(arena, one, caller);
        }
    }
    pthread_mutex_unlock(&keys->mutex);
    return found;
}

/* Decodes a STRING into a buffer; false when it does not fit. */
static bool keep_text(tk_arena *arena, tk_json value, char *to, size_t room) {
    tk_str text = {NULL, 0};
    if (!tk_json_string(arena, value, &text) || text.size >= room) {
        return false;
    }
    memcpy(to, text.data, text.size);
    to[text.size] = '\0';
    return true;
}

static bool keep_permissions(tk_arena *arena, tk_json words,
                             char to[KEY_PERMISSIONS_BYTES_MAX + 1]) {
    size_t used = 0;
    tk_json_iterator it = tk_json_each(words);
    while (tk_json_next(&it)) {
        if (used > 0) {
            to[used++] = ' ';
        }
        if (!keep_text(arena, it.value, to + used, KEY_PERMISSIONS_BYTES_MAX - used)) {
            return false;
        }
        used += strlen(to + used);
    }
    return used > 0;
}

tasker_status keys_find(serve_keys *keys, tasker *store, tk_str secret, tk_arena *arena,
                        serve_caller *caller, tasker_error *error) {
    tasker_text text = {0};
    tk_json key = {0};
    remembered one = {.until_us = monotonic() + (int64_t)KEYS_FRESH_MS * 1000};
    tasker_status status = tasker_key_find(store, secret, &text, error);
    if (status != TASKER_OK) {
        return status;
    }
    tk_json_parse((tk_str){text.data, text.size}, TK_BUF_BYTES_MAX, &key, NULL);
    tk_json namespace_name = tk_json_member(key, "namespace");
    bool good = tk_secret_hash(secret, one.hash, NULL) == TASKER_OK &&
                tk_json_member(key, "revoked").kind == TK_JSON_FALSE &&
                keep_text(arena, tk_json_member(key, "name"), one.name, sizeof(one.name)) &&
                keep_permissions(arena, tk_json_member(key, "permissions"), one.permissions) &&
                (namespace_name.kind == TK_JSON_NULL ||
                 keep_text(arena, namespace_name, one.namespace_name, sizeof(one.namespace_name)));
    tasker_text_free(&text);
    if (!good || !caller_of(arena, &one, caller)) {
        return tk_fail(error, TASKER_NOTFOUND, "the key was revoked");
    }
    pthread_mutex_lock(&keys->mutex);
    keys->known[keys->next] = one;
    keys->next = (keys->next + 1) % KEYS_REMEMBERED_MAX;
    pthread_mutex_unlock(&keys->mutex);
    return TASKER_OK;
}
