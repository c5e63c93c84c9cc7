/*
 * key.h - keys of the HTTP server: made, listed, revoked, found by their secret.
 */
#ifndef TK_KEY_H
#define TK_KEY_H

#include "engine.h"

/* As tasker_key_create and so on. Own transactions. */
tasker_status tk_key_create(tk_engine *engine, tk_str request, const tasker_act *act,
                            tk_buf *answer, tasker_error *error);
tasker_status tk_key_list(tk_engine *engine, tk_buf *answer, tasker_error *error);
tasker_status tk_key_revoke(tk_engine *engine, tk_str name, const tasker_act *act,
                            tasker_error *error);
tasker_status tk_key_find(tk_engine *engine, tk_str secret, tk_buf *answer, tasker_error *error);

/* tk_key_fault says what is wrong with a stored key; NULL: nothing. */
const char *tk_key_fault(const tk_key_row *row);

#endif
