/*
 * diamond.c - one step, two beside each other, one that joins them: (n^4 * n^4)^2 = n^16.
 */
#include "common.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *const after_start[] = {"diamond_start", NULL};
static const char *const after_branches[] = {"diamond_branch_b", "diamond_branch_c", NULL};

static const tasker_handler handlers[] = {
    {"diamond.start", example_square_context, NULL},
    {"diamond.branch", example_square_parents, (void *)after_start},
    {"diamond.end", example_square_parents, (void *)after_branches},
};

int main(int argc, char **argv) {
    const example diamond = {
        .name = "diamond",
        .namespace_name = "c_diamond",
        .task_name = "parallel_computation",
        .last_step = "diamond_end",
        .handlers = handlers,
        .handler_count = COUNT(handlers),
    };
    return example_main(&diamond, argc, argv);
}
