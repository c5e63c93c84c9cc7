/*
 * status.c - what the public header promises about versions, statuses and texts.
 */
#include "base.h"

/* The lower-case names. A status of TASKER_STATUS_MAP that lacks one does not compile. */
#define NAME_OF_OK "ok"
#define NAME_OF_INVALID "invalid"
#define NAME_OF_NOTFOUND "notfound"
#define NAME_OF_CONFLICT "conflict"
#define NAME_OF_LOST "lost"
#define NAME_OF_TIMEOUT "timeout"
#define NAME_OF_BUSY "busy"
#define NAME_OF_CLOSED "closed"
#define NAME_OF_STORE "store"
#define NAME_OF_NOMEM "nomem"
#define NAME_OF_FORKED "forked"
#define NAME_OF_UNSUPPORTED "unsupported"

const char *tasker_version(void) {
    return TASKER_VERSION;
}

const char *tasker_status_name(tasker_status status) {
    switch (status) {
#define X(name, class_name, code, retry, text)                                                     \
    case TASKER_##name:                                                                            \
        return NAME_OF_##name;
        TASKER_STATUS_MAP(X)
#undef X
    }
    return "unknown";
}

const char *tasker_status_text(tasker_status status) {
    switch (status) {
#define X(name, class_name, code, retry, text)                                                     \
    case TASKER_##name:                                                                            \
        return text;
        TASKER_STATUS_MAP(X)
#undef X
    }
    return "unknown status";
}

void tasker_text_free(tasker_text *text) {
    if (text == NULL) {
        return;
    }
    tk_free(text->data);
    *text = (tasker_text){NULL, 0};
}
