/*
 * mixed_dag.c - paths of different length that meet again: (n^16 * n^8 * n^8)^2 = n^64.
 */
#include "common.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *const after_init[] = {"dag_init", NULL};
static const char *const after_left[] = {"dag_process_left", NULL};
static const char *const after_right[] = {"dag_process_right", NULL};
static const char *const after_both[] = {"dag_process_left", "dag_process_right", NULL};
static const char *const after_all[] = {"dag_validate", "dag_transform", "dag_analyze", NULL};

static const tasker_handler handlers[] = {
    {"dag.init", example_square_context, NULL},
    {"dag.process", example_square_parents, (void *)after_init},
    {"dag.validate", example_square_parents, (void *)after_both},
    {"dag.transform", example_square_parents, (void *)after_left},
    {"dag.analyze", example_square_parents, (void *)after_right},
    {"dag.finalize", example_square_parents, (void *)after_all},
};

int main(int argc, char **argv) {
    const example mixed_dag = {
        .name = "mixed_dag",
        .namespace_name = "c_mixed_dag",
        .task_name = "complex_dag",
        .last_step = "dag_finalize",
        .handlers = handlers,
        .handler_count = COUNT(handlers),
    };
    return example_main(&mixed_dag, argc, argv);
}
