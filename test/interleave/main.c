/*
 * main.c - runs the scripts, each in a process of its own, on the server of TASKER_STORE, whose schema
 * `tasker` they own.
 *
 *   script/with-postgres build/release/interleave             all
 *   script/with-postgres build/release/interleave two_sweep   those whose names contain the word
 *
 * With FIRST in the environment it stops at the first that fails.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interleave/mutants.h"
#include "interleave/scripts.h"

#define SCRIPT_SECONDS_MAX 90

static const struct script {
    const char *name;
    const char *sentence;
    void (*run)(void);
} scripts[] = {
#define X(name, sentence) {#name, sentence, script_##name},
    SCRIPT_MAP(X)
#undef X
};

static bool run_script(const struct script *script) {
    int code = 0;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(SCRIPT_SECONDS_MAX);
        script->run();
        exit(0);
    }
    bool good = child > 0 && waitpid(child, &code, 0) == child && code == 0;
    printf("%s  %s\n", good ? "ok    " : "not ok", script->sentence);
    if (!good) {
        printf("        script %s%s\n", script->name,
               WIFSIGNALED(code) ? ", ended by a signal or by the limit of time" : "");
    }
    return good;
}

int main(int argc, char **argv) {
    unsigned passed = 0;
    unsigned failed = 0;
    if (getenv("TASKER_TEST_POSTGRES") == NULL || getenv("TASKER_STORE") == NULL) {
        (void)fprintf(stderr, "interleave: run it by script/with-postgres\n");
        return 2;
    }
    mutants_choose(getenv("TK_MUTANT"));
    bool stops = getenv("FIRST") != NULL;
    for (size_t i = 0; i < TK_COUNT_OF(scripts) && !(stops && failed > 0); i++) {
        if (argc < 2 || strstr(scripts[i].name, argv[1]) != NULL) {
            bool good = run_script(&scripts[i]);
            passed += good;
            failed += !good;
        }
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
