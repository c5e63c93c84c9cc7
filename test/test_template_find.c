/* Where templates are looked for, and which files are found. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "support/fail_alloc.h"
#include "template_find.h"
#include "template_outline.h"

static char folder[PATH_MAX]; /* of this test, removed at its end */

static void enter_folder(void) {
    char pattern[] = "/tmp/tasker-find-XXXXXX";
    cr_assert_not_null(mkdtemp(pattern));
    cr_assert_not_null(realpath(pattern, folder));
    cr_assert_eq(chdir(folder), 0);
    unsetenv("TASKER_TEMPLATE_PATH");
    unsetenv("WORKSPACE_PATH");
}

static void leave_folder(void) {
    char command[PATH_MAX + 16];
    cr_assert_eq(chdir("/"), 0);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

static void make_directory(const char *path) {
    char command[PATH_MAX + 16];
    snprintf(command, sizeof(command), "mkdir -p '%s'", path);
    cr_assert_eq(system(command), 0);
}

static void make_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    fputs(text, file);
    fclose(file);
}

/* Compares with a path below the folder; NULL: none is found. */
static void check_directory(const char *expected) {
    tk_arena arena = {0};
    const char *path = NULL;
    tasker_error error = {0};
    tasker_status status = tk_template_directory(&arena, &path, &error);
    if (expected == NULL) {
        cr_assert_eq(status, TASKER_NOTFOUND, "%s", path);
    } else {
        char wanted[2 * PATH_MAX];
        char real[PATH_MAX];
        cr_assert_eq(status, TASKER_OK, "%s", error.message);
        snprintf(wanted, sizeof(wanted), "%s/%s", folder, expected);
        cr_assert_not_null(realpath(path, real));
        cr_assert_str_eq(real, wanted);
    }
    tk_arena_release(&arena);
}

/* Lists the files below a path, relative to it, with spaces between. */
static void check_files(const char *directory, const char *expected) {
    tk_arena arena = {0};
    tk_buf found = {0};
    const char *const *paths = NULL;
    uint32_t count = 0;
    tasker_error error = {0};
    cr_assert_eq(tk_template_files(&arena, directory, &paths, &count, &error), TASKER_OK, "%s",
                 error.message);
    for (uint32_t i = 0; i < count; i++) {
        tk_buf_printf(&found, "%s%s", i > 0 ? " " : "", paths[i] + strlen(directory) + 1);
    }
    cr_assert_str_eq(found.data == NULL ? "" : found.data, expected);
    tk_buf_release(&found);
    tk_arena_release(&arena);
}

TestSuite(template_find, .init = enter_folder, .fini = leave_folder);

Test(template_find, the_first_place_that_is_a_directory_is_taken) {
    check_directory(NULL);
    make_directory("deep/down/config/tasks");
    cr_assert_eq(chdir("deep/down"), 0);
    check_directory("deep/down/config/tasks");

    make_directory("../config/tasks");
    make_file("../Gemfile", "");
    check_directory("deep/config/tasks"); /* a workspace above wins over what lies here */

    char path[PATH_MAX + 32];
    snprintf(path, sizeof(path), "%s/space", folder);
    setenv("WORKSPACE_PATH", path, 1);
    check_directory("deep/config/tasks"); /* it has no config/tasks yet */
    snprintf(path, sizeof(path), "%s/space/config/tasks", folder);
    make_directory(path);
    check_directory("space/config/tasks");

    snprintf(path, sizeof(path), "%s/own", folder);
    setenv("TASKER_TEMPLATE_PATH", path, 1);
    check_directory("space/config/tasks");
    make_directory(path);
    check_directory("own");
    setenv("TASKER_TEMPLATE_PATH", "", 1);
    check_directory("space/config/tasks");
}

Test(template_find, each_mark_of_a_workspace_is_known) {
    const char *const marks[] = {"Gemfile", ".git", "package.json", "Cargo.toml"};
    make_directory("root/config/tasks");
    make_directory("root/a/b");
    for (size_t i = 0; i < TK_COUNT_OF(marks); i++) {
        char path[PATH_MAX];
        cr_assert_eq(chdir(folder), 0);
        snprintf(path, sizeof(path), "root/%s", marks[i]);
        cr_assert_eq(chdir("root/a/b"), 0);
        check_directory(NULL);
        cr_assert_eq(chdir(folder), 0);
        make_file(path, "");
        cr_assert_eq(chdir("root/a/b"), 0);
        check_directory("root/config/tasks");
        cr_assert_eq(chdir(folder), 0);
        cr_assert_eq(unlink(path), 0);
    }
}

Test(template_find, yaml_files_are_listed_at_every_depth_in_order) {
    make_directory("t/b/c");
    make_directory("t/.hidden");
    make_directory("t/x.yaml"); /* a directory by that name */
    make_file("t/z.yml", "");
    make_file("t/a.yaml", "");
    make_file("t/b/c/d.yml", "");
    make_file("t/b.yaml", "");
    make_file("t/x.yaml/inner.yaml", "");
    make_file("t/a.yaml.backup", "");
    make_file("t/.hidden.yaml", "");
    make_file("t/.hidden/e.yaml", "");
    make_file("t/.yaml", "");
    make_file("t/notes.txt", "");
    check_files("t", "a.yaml b.yaml b/c/d.yml x.yaml/inner.yaml z.yml");
}

Test(template_find, links_to_files_are_followed_and_to_directories_not) {
    make_directory("t/sub");
    make_directory("data");
    make_file("data/real.yaml", "");
    cr_assert_eq(symlink("../data/real.yaml", "t/link.yaml"), 0);
    cr_assert_eq(symlink("../nowhere", "t/broken.yaml"), 0);
    cr_assert_eq(symlink("..", "t/sub/circle"), 0);
    cr_assert_eq(symlink("../data", "t/other"), 0);
    cr_assert_eq(mkfifo("t/pipe.yaml", 0600), 0);
    check_files("t", "link.yaml");
    cr_assert_eq(symlink("t", "entry"), 0);
    check_files("entry", "link.yaml"); /* what was asked for may be a link */
}

Test(template_find, sixteen_directories_deep_is_read_and_no_deeper) {
    char path[PATH_MAX] = "t";
    for (int depth = 1; depth <= TK_TEMPLATE_DEPTH_MAX; depth++) {
        strcat(path, "/d");
    }
    make_directory(path);
    strcat(path, "/x.yaml");
    make_file(path, "");
    check_files("t", "d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/x.yaml");
    *strrchr(path, '/') = '\0';
    strcat(path, "/d");
    make_directory(path);
    tk_arena arena = {0};
    const char *const *paths;
    uint32_t count;
    tasker_error error = {0};
    cr_assert_eq(tk_template_files(&arena, "t", &paths, &count, &error), TASKER_INVALID);
    cr_assert_str_eq(error.message, "too deep; expected at most 16 directories within each other");
    tk_arena_release(&arena);
}

Test(template_find, ten_thousand_files_are_listed_and_no_more) {
    make_directory("t");
    for (int i = 0; i <= TK_TEMPLATE_FILES_MAX; i++) {
        char path[64];
        tk_arena arena = {0};
        const char *const *paths;
        uint32_t count;
        snprintf(path, sizeof(path), "t/%05d.yml", i);
        int file = open(path, O_CREAT | O_WRONLY, 0600);
        cr_assert_geq(file, 0);
        close(file);
        if (i == TK_TEMPLATE_FILES_MAX - 1) {
            cr_assert_eq(tk_template_files(&arena, "t", &paths, &count, NULL), TASKER_OK);
            cr_assert_eq(count, TK_TEMPLATE_FILES_MAX);
            cr_assert_str_eq(paths[count - 1], path);
        } else if (i == TK_TEMPLATE_FILES_MAX) {
            cr_assert_eq(tk_template_files(&arena, "t", &paths, &count, NULL), TASKER_INVALID);
        }
        tk_arena_release(&arena);
    }
}

Test(template_find, what_cannot_be_read_is_told) {
    tk_arena arena = {0};
    const char *const *paths;
    uint32_t count;
    tk_str text;
    tasker_error error = {0};
    cr_assert_eq(tk_template_files(&arena, "nowhere", &paths, &count, &error), TASKER_NOTFOUND);
    cr_assert_str_eq(error.path, "nowhere");
    cr_assert_str_eq(error.message, "the directory cannot be read: No such file or directory");
    make_directory("directory.yaml");
    cr_assert_eq(mkfifo("pipe.yaml", 0600), 0);
    const char *const names[] = {"none.yaml", "directory.yaml", "pipe.yaml"};
    for (size_t i = 0; i < TK_COUNT_OF(names); i++) {
        cr_assert_eq(tk_template_file_read(&arena, names[i], &text, &error), TASKER_NOTFOUND);
        cr_assert_str_eq(error.path, names[i]);
    }
    tk_arena_release(&arena);
}

Test(template_find, a_file_is_read_up_to_one_byte_too_many) {
    const size_t sizes[] = {0,
                            1,
                            TASKER_TEMPLATE_BYTES_MAX - 1,
                            TASKER_TEMPLATE_BYTES_MAX,
                            TASKER_TEMPLATE_BYTES_MAX + 1,
                            TASKER_TEMPLATE_BYTES_MAX + 2};
    make_file("a.yaml", "");
    for (size_t i = 0; i < TK_COUNT_OF(sizes); i++) {
        tk_arena arena = {0};
        tk_str text;
        cr_assert_eq(truncate("a.yaml", (off_t)sizes[i]), 0);
        cr_assert_eq(tk_template_file_read(&arena, "a.yaml", &text, NULL), TASKER_OK);
        size_t most = TASKER_TEMPLATE_BYTES_MAX + 1;
        cr_assert_eq(text.size, sizes[i] < most ? sizes[i] : most, "%zu", text.size);
        tk_arena_release(&arena);
    }
}

static void find_scenario(void *user) {
    tk_arena arena = {0};
    const char *path = NULL;
    const char *const *paths;
    uint32_t count;
    tk_str text;
    (void)user;
    tasker_status status = tk_template_directory(&arena, &path, NULL);
    if (status == TASKER_OK) {
        status = tk_template_files(&arena, path, &paths, &count, NULL);
    }
    if (status == TASKER_OK) {
        cr_assert_eq(count, 2);
        status = tk_template_file_read(&arena, paths[0], &text, NULL);
    }
    cr_assert(status == TASKER_OK || status == TASKER_NOMEM);
    tk_arena_release(&arena);
}

Test(template_find, every_failed_allocation_is_told_and_nothing_leaks) {
    make_directory("config/tasks/a");
    make_file("config/tasks/x.yaml", "name: x");
    make_file("config/tasks/a/y.yaml", "name: y");
    fail_alloc_report report = fail_alloc_sweep(find_scenario, NULL);
    cr_assert_eq(report.leak_at, 0, "allocation %zu leaks", report.leak_at);
}

/* --- the outline --- */

static void check_outline(const char *path, tasker_status expected, const char *text) {
    tasker_text outline = {0};
    tasker_error error = {0};
    cr_assert_eq(tasker_template_outline(path, &outline, &error), expected, "%s", error.message);
    cr_assert_str_eq(outline.data == NULL ? "" : outline.data, text);
    tasker_text_free(&outline);
}

Test(template_find, an_outline_has_the_handlers_of_a_template_in_both_forms_of_keys) {
    make_file("a.yaml", "name: a\nnamespace_name: shop\nversion: 1.0.0\ndescription: d\n"
                        "task_handler: {callable: T}\n"
                        "steps: [{handler: {callable: B}}, {handler: {callable: B}}]\n");
    check_outline("a.yaml", TASKER_OK,
                  "{\"path\":\"a.yaml\",\"templates\":[{\"file\":\"a.yaml\",\"name\":\"a\","
                  "\"namespace\":\"shop\",\"version\":\"1.0.0\",\"description\":\"d\","
                  "\"callables\":[\"T\",\"B\",\"B\"],\"error\":null}]}");
    make_file("c.yaml", ":name: c\n:steps:\n  - :handler:\n      :callable: C\n");
    check_outline("c.yaml", TASKER_OK,
                  "{\"path\":\"c.yaml\",\"templates\":[{\"file\":\"c.yaml\",\"name\":\"c\","
                  "\"namespace\":null,\"version\":null,\"description\":null,"
                  "\"callables\":[\"C\"],\"error\":null}]}");
}

Test(template_find, an_outline_takes_whatever_a_file_holds) {
    const char *const texts[] = {
        "",  "- 1\n", "1",      "steps: 1", "steps: [1, {handler: 2}, {handler: {callable: [3]}}]",
        "~", "name:", "steps:", "name: 1",  "task_handler: {callable: 7}",
    };
    for (size_t i = 0; i < TK_COUNT_OF(texts); i++) {
        make_file("t.yaml", texts[i]);
        check_outline("t.yaml", TASKER_OK,
                      "{\"path\":\"t.yaml\",\"templates\":[{\"file\":\"t.yaml\",\"name\":null,"
                      "\"namespace\":null,\"version\":null,\"description\":null,"
                      "\"callables\":[],\"error\":null}]}");
    }
}

Test(template_find, an_outline_says_which_files_cannot_be_read) {
    const char *const bad[] = {"a: [", "a: &x 1\nb: *x\n", "\xff\xfe"};
    for (size_t i = 0; i < TK_COUNT_OF(bad) + 1; i++) {
        tasker_text outline = {0};
        if (i < TK_COUNT_OF(bad)) {
            make_file("t.yaml", bad[i]);
        }
        const char *path = i < TK_COUNT_OF(bad) ? "t.yaml" : "none.yaml";
        cr_assert_eq(tasker_template_outline(path, &outline, NULL), TASKER_OK);
        cr_assert_not_null(strstr(outline.data, "\"callables\":[],\"error\":\""), "%s",
                           outline.data);
        tasker_text_free(&outline);
    }
}

Test(template_find, an_outline_of_a_directory_has_all_its_files) {
    check_outline(NULL, TASKER_NOTFOUND, "");
    make_directory("config/tasks");
    check_outline(NULL, TASKER_OK, "{\"path\":\"./config/tasks\",\"templates\":[]}");
    make_file("config/tasks/b.yml", "");
    make_file("config/tasks/a.yaml", "");
    tasker_text outline = {0};
    cr_assert_eq(tasker_template_outline("config/tasks", &outline, NULL), TASKER_OK);
    const char *first = strstr(outline.data, "\"file\":\"config/tasks/a.yaml\"");
    const char *second = strstr(outline.data, "\"file\":\"config/tasks/b.yml\"");
    cr_assert(first != NULL && second > first);
    tasker_text_free(&outline);
}

static void outline_scenario(void *user) {
    tasker_text outline = {0};
    (void)user;
    tasker_status status = tasker_template_outline("t", &outline, NULL);
    cr_assert(status == TASKER_OK || (status == TASKER_NOMEM && outline.data == NULL));
    cr_assert_eq(status == TASKER_NOMEM, fail_alloc_happened());
    tasker_text_free(&outline);
}

Test(template_find, an_outline_without_memory_is_an_error_and_leaves_nothing) {
    make_directory("t");
    make_file("t/a.yaml", "name: a\nsteps: [{handler: {callable: B}}]\n");
    fail_alloc_report report = fail_alloc_sweep(outline_scenario, NULL);
    cr_assert(!report.endless);
    cr_assert_gt(report.allocations, 2);
    cr_assert_eq(report.leak_at, 0);
}
