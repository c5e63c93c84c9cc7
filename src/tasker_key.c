/*
 * tasker_key.c - the public face of the keys of the HTTP server.
 */
#include "handle.h"
#include "key.h"

static tasker_status begin(tasker *handle, tasker_text *text, tasker_error *error) {
    if (text != NULL) {
        *text = (tasker_text){NULL, 0};
    }
    return tk_handle_usable(handle->opener, error);
}

tasker_status tasker_key_create(tasker *handle, tasker_bytes request, const tasker_act *act,
                                tasker_text *key, tasker_error *error) {
    tk_buf buf = {0};
    tasker_status status = begin(handle, key, error);
    if (status == TASKER_OK) {
        status = tk_key_create(&handle->engine, request, act, &buf, error);
    }
    return tk_hand_out(status, &buf, key, error);
}

tasker_status tasker_key_list(tasker *handle, tasker_text *keys, tasker_error *error) {
    tk_buf buf = {0};
    tasker_status status = begin(handle, keys, error);
    if (status == TASKER_OK) {
        status = tk_key_list(&handle->engine, &buf, error);
    }
    return tk_hand_out(status, &buf, keys, error);
}

tasker_status tasker_key_revoke(tasker *handle, const char *name, const tasker_act *act,
                                tasker_error *error) {
    tasker_status status = begin(handle, NULL, error);
    if (status == TASKER_OK && name == NULL) {
        status = tk_fail(error, TASKER_INVALID, "the name or the number of a key is expected");
    }
    return status == TASKER_OK ? tk_key_revoke(&handle->engine, tk_str_of(name), act, error)
                               : status;
}

tasker_status tasker_key_find(tasker *handle, tasker_bytes secret, tasker_text *key,
                              tasker_error *error) {
    tk_buf buf = {0};
    tasker_status status = begin(handle, key, error);
    if (status == TASKER_OK) {
        status = tk_key_find(&handle->engine, secret, &buf, error);
    }
    return tk_hand_out(status, &buf, key, error);
}
