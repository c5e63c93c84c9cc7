/*
 * template_find.h - where template files are: the directory, and the files below it.
 *
 * This one reads the environment and the disk: it belongs to the verbs, not to the model.
 */
#ifndef TK_TEMPLATE_FIND_H
#define TK_TEMPLATE_FIND_H

#include "arena.h"

#define TK_TEMPLATE_FILES_MAX 10000    /* files of one directory, with all below */
#define TK_TEMPLATE_ENTRIES_MAX 100000 /* names looked at in finding them */
#define TK_TEMPLATE_DEPTH_MAX 16       /* directories within each other */

/* tk_template_directory finds the directory of templates, the first of these that is one:
 * $TASKER_TEMPLATE_PATH; $WORKSPACE_PATH/config/tasks; config/tasks of the directories from the
 * current one upwards that hold a Gemfile, .git, package.json or Cargo.toml; ./config/tasks.
 *
 *   *path  in the arena
 *
 * Returns OK, NOTFOUND (the message says where it looked), NOMEM. */
tasker_status tk_template_directory(tk_arena *arena, const char **path, tasker_error *error);

/* tk_template_files lists every *.yml and *.yaml below a directory, sorted by path. Names that begin
 * with a dot are left out; links to files are followed, links to directories are not.
 *
 *   *paths  in the arena, each beginning with `directory`
 *
 * Returns OK, NOTFOUND (no such directory, or it cannot be read), INVALID (beyond a limit), NOMEM. */
tasker_status tk_template_files(tk_arena *arena, const char *directory, const char *const **paths,
                                uint32_t *count, tasker_error *error);

/* tk_template_file_read reads a regular file, at most one byte more than a template may have, so
 * that the reader of templates says that it is too large.
 * Returns OK, NOTFOUND (it cannot be read), NOMEM. */
tasker_status tk_template_file_read(tk_arena *arena, const char *path, tk_str *text,
                                    tasker_error *error);

#endif
