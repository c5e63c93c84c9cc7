/*
 * main.c - `sim --seed N` replays a seed (--trace: and tells what happens), `sim --seeds N` runs
 * the seeds 1 to N, `sim --mutants` lists the deliberate faults of the other build.
 */
#include "sim/mutants.h"
#include "sim/sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] = "usage: sim --seed N [--trace] | --seeds N | --mutants\n";

static const struct {
    int number;
    const char *name;
} mutants[] = {
#define X(number, name) {number, name},
    SIM_MUTANT_MAP(X)
#undef X
};

static bool read_number(const char *text, uint64_t *number) {
    char *end = NULL;
    errno = 0;
    *number = text == NULL ? 0 : strtoull(text, &end, 10);
    return text != NULL && *text != '\0' && *end == '\0' && errno == 0;
}

static void choose_mutant(void) {
#ifdef TK_MUTANTS
    const char *chosen = getenv("TK_MUTANT");
    tk_mutant = chosen == NULL ? 0 : atoi(chosen);
#endif
}

static void run_seeds(uint64_t count) {
    int64_t began_us = tk_clock_monotonic(&tk_clock_system);
    for (uint64_t seed = 1; seed <= count; seed++) {
        sim_run_seed(seed, false);
    }
    double seconds = (double)(tk_clock_monotonic(&tk_clock_system) - began_us) / 1e6;
    printf("%" PRIu64 " seeds in %.1f s, %.0f a minute: every invariant holds\n", count, seconds,
           (double)count * 60 / (seconds > 0 ? seconds : 1));
}

int main(int argc, char **argv) {
    uint64_t number = 0;
    choose_mutant();
    if (argc == 2 && strcmp(argv[1], "--mutants") == 0) {
        for (size_t i = 0; i < TK_COUNT_OF(mutants); i++) {
            printf("%3d  %s\n", mutants[i].number, mutants[i].name);
        }
        return 0;
    }
    bool trace = argc == 4 && strcmp(argv[3], "--trace") == 0;
    if ((argc != 3 && !trace) || !read_number(argv[2], &number)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    if (strcmp(argv[1], "--seed") == 0) {
        sim_run_seed(number, trace);
        printf("seed %" PRIu64 ": every invariant holds\n", number);
        return 0;
    }
    if (strcmp(argv[1], "--seeds") == 0 && !trace) {
        run_seeds(number);
        return 0;
    }
    (void)fputs(usage, stderr);
    return 2;
}
