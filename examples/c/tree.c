/*
 * tree.c - a root, two branches, four leaves, and one step that gathers the leaves:
 * n^2, n^4, n^8, and (n^8 * n^8 * n^8 * n^8)^2 = n^64, exact whatever its size.
 */
#include "common.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *const after_root[] = {"tree_root", NULL};
static const char *const after_left[] = {"tree_branch_left", NULL};
static const char *const after_right[] = {"tree_branch_right", NULL};
static const char *const after_leaves[] = {"tree_leaf_d", "tree_leaf_e", "tree_leaf_f",
                                           "tree_leaf_g", NULL};

static const tasker_handler handlers[] = {
    {"tree.root", example_square_context, NULL},
    {"tree.branch", example_square_parents, (void *)after_root},
    {"tree.left_leaf", example_square_parents, (void *)after_left},
    {"tree.right_leaf", example_square_parents, (void *)after_right},
    {"tree.gather", example_square_parents, (void *)after_leaves},
};

int main(int argc, char **argv) {
    const example tree = {
        .name = "tree",
        .namespace_name = "c_tree",
        .task_name = "hierarchical_tree",
        .last_step = "tree_final_convergence",
        .handlers = handlers,
        .handler_count = COUNT(handlers),
    };
    return example_main(&tree, argc, argv);
}
