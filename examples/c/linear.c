/*
 * linear.c - four steps in a chain, each squares: n^16.
 */
#include "common.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *const after_1[] = {"linear_step_1", NULL};
static const char *const after_2[] = {"linear_step_2", NULL};
static const char *const after_3[] = {"linear_step_3", NULL};

/* `user` is the parents of the step that this callable stands for. */
static const tasker_handler handlers[] = {
    {"linear.step_1", example_square_context, NULL},
    {"linear.step_2", example_square_parents, (void *)after_1},
    {"linear.step_3", example_square_parents, (void *)after_2},
    {"linear.step_4", example_square_parents, (void *)after_3},
};

int main(int argc, char **argv) {
    const example linear = {
        .name = "linear",
        .namespace_name = "c_linear",
        .task_name = "mathematical_sequence",
        .last_step = "linear_step_4",
        .handlers = handlers,
        .handler_count = COUNT(handlers),
    };
    return example_main(&linear, argc, argv);
}
