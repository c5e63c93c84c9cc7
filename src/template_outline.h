/*
 * template_outline.h - which handlers the templates of a folder name, without a store.
 */
#ifndef TK_TEMPLATE_OUTLINE_H
#define TK_TEMPLATE_OUTLINE_H

#include "buf.h"

/* tk_template_outline as tasker_template_outline. */
tasker_status tk_template_outline(const char *path, tk_buf *buf, tasker_error *error);

#endif
