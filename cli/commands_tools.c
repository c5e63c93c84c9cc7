/*
 * commands_tools.c - the table of commands, continued: about the program itself.
 */
#include "commands_table.h"

const cli_command cli_tool_commands[] = {
    {
        .verb = "completion",
        .arguments = "bash|zsh|fish",
        .words_min = 1,
        .words_max = 1,
        .summary = "print what makes a shell complete commands",
        .description = "`make install` puts the three in place. By hand, in the shell's own file:\n"
                       "bash: source <(tasker completion bash). zsh, in a folder of $fpath:\n"
                       "tasker completion zsh >_tasker. fish: tasker completion fish | source.",
        .examples = EXAMPLES("completion bash", "completion zsh"),
        .exits = "2",
        .run = command_completion,
    },
    {
        .verb = "man",
        .arguments = "",
        .summary = "print the manual page",
        .description = "All that --help says of all commands, in one page for man(1).",
        .examples = EXAMPLES("tasker man | man -l -"),
        .exits = "",
        .run = command_man,
    },
    {
        .verb = "version",
        .arguments = "",
        .summary = "print the version",
        .exits = "",
        .run = command_version,
    },
    {
        .verb = "help",
        .arguments = "[COMMAND]",
        .words_max = 2,
        .summary = "explain the program or a command",
        .examples = EXAMPLES("help task submit"),
        .exits = "2",
        .run = command_help,
    },
    {0},
};
