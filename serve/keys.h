/*
 * keys.h - who a secret belongs to.
 */
#ifndef SERVE_KEYS_H
#define SERVE_KEYS_H

#include "inner.h"

#define KEY_PERMISSIONS_BYTES_MAX 1024

typedef enum key_required { KEY_REQUIRED_UNKNOWN = 0, KEY_REQUIRED, KEY_NOT_REQUIRED } key_required;

/* keys_required_known is what keys_required() found some seconds ago, or UNKNOWN. */
key_required keys_required_known(serve_keys *keys);

/* keys_known finds a secret among those remembered; the caller's texts go into the arena. */
bool keys_known(serve_keys *keys, tk_str secret, tk_arena *arena, serve_caller *caller);

/* keys_find asks the store. NOTFOUND: there is no such key in force. Blocks. */
tasker_status keys_find(serve_keys *keys, tasker *store, tk_str secret, tk_arena *arena,
                        serve_caller *caller, tasker_error *error);

#endif
