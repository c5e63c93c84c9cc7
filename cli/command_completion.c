/*
 * command_completion.c - completion for bash, zsh and fish, made of the tables of commands.
 *
 * Each script finds the command among the words before the cursor, steps over options and their values,
 * and offers groups, verbs, options or files.
 */
#include "commands.h"
#include "suggest.h"

/* --- what the scripts share ------------------------------------------------------------------- */

/* A group is told once, at its first command. */
static bool is_first_of_group(const cli_command *command) {
    for (const cli_command *other = NULL; (other = cli_command_next(other)) != command;) {
        if (other->group != NULL && strcmp(other->group, command->group) == 0) {
            return false;
        }
    }
    return true;
}

static bool names_file(const char *text) {
    return text != NULL && strstr(text, "FILE") != NULL;
}

/* Words that a value can have, between blanks; NULL: anything. */
static const char *values_of(const cli_option *option) {
    if (strcmp(option->name, "color") == 0) {
        return "auto always never";
    }
    if (strcmp(option->name, "state") == 0) {
        return "running blocked_by_failures complete cancelled error resolved_manually pending "
               "waiting_for_retry";
    }
    if (strcmp(option->name, "permissions") == 0) {
#define X(word) word " "
        return TASKER_PERMISSION_MAP(X) "tasks:* steps:* templates:* system:*";
#undef X
    }
    return option->value != NULL && strchr(option->value, '|') != NULL ? option->value : NULL;
}

/* "week|month" and "week month" both as words. */
static void words(out *o, const char *text) {
    for (; *text != '\0'; text++) {
        tk_buf_char(&o->text, *text == '|' ? ' ' : *text);
    }
}

/* In single quotes, as every of the shells reads them. */
static void quoted(out *o, const char *text) {
    tk_buf_char(&o->text, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            tk_buf_text(&o->text, "'\\''");
        } else {
            tk_buf_char(&o->text, *text);
        }
    }
    tk_buf_char(&o->text, '\'');
}

typedef void (*option_fn)(out *o, const cli_command *command, const cli_option *option);

static void each_option(out *o, const cli_command *command, option_fn take) {
    const cli_option *const lists[] = {command == NULL ? NULL : command->options,
                                       command == NULL ? cli_global_options : NULL};
    for (size_t i = 0; i < TK_COUNT_OF(lists); i++) {
        for (const cli_option *option = lists[i]; option != NULL && option->name != NULL;
             option++) {
            take(o, command, option);
        }
    }
}

typedef void (*command_fn)(out *o, const cli_command *command);

static void each_command(out *o, command_fn take) {
    for (const cli_command *command = NULL; (command = cli_command_next(command)) != NULL;) {
        take(o, command);
    }
}

/* "task list|list": what a command is called. */
static void names(out *o, const cli_command *command) {
    bool alone = command->group == NULL;
    out_printf(o, alone ? "'%s%s" : "'%s %s", alone ? "" : command->group, command->verb);
    out_printf(o, command->short_form == NULL ? "'" : "' | %s", command->short_form);
}

/* --- bash ------------------------------------------------------------------------------------- */

static void bash_word(out *o, const cli_command *command) {
    if (command->group == NULL) {
        out_printf(o, "%s ", command->verb);
    } else if (is_first_of_group(command)) {
        out_printf(o, "%s ", command->group);
    }
    if (command->short_form != NULL) {
        out_printf(o, "%s ", command->short_form);
    }
}

static void group_pattern(out *o, const cli_command *command) {
    if (command->group != NULL && is_first_of_group(command)) {
        out_printf(o, "%s%s", cli_command_next(NULL) == command ? "" : " | ", command->group);
    }
}

static void bash_verbs(out *o, const cli_command *command) {
    if (command->group == NULL || !is_first_of_group(command)) {
        return;
    }
    out_printf(o, "        %s) offer='", command->group);
    for (const cli_command *other = NULL; (other = cli_command_next(other)) != NULL;) {
        bool same = other->group != NULL && strcmp(other->group, command->group) == 0;
        if (same) {
            out_printf(o, "%s ", other->verb);
        }
    }
    out_printf(o, "' ;;\n");
}

static void bash_option(out *o, const cli_command *command, const cli_option *option) {
    (void)command;
    out_printf(o, "--%s ", option->name);
}

static void bash_command(out *o, const cli_command *command) {
    out_printf(o, "        ");
    names(o, command);
    out_printf(o, ") options='");
    each_option(o, command, bash_option);
    out_printf(o, "' files=%s ;;\n", names_file(command->arguments) ? "yes" : "");
}

/* --option | -o, for a pattern */
static void option_pattern(out *o, const cli_option *option) {
    out_printf(o, "--%s", option->name);
    if (option->letter != 0) {
        out_printf(o, " | -%c", option->letter);
    }
}

static void bash_value(out *o, const cli_command *command, const cli_option *option) {
    const char *values = values_of(option);
    bool file = values == NULL;
    if (option->value == NULL || option->value_optional || (file && !names_file(option->value))) {
        return;
    }
    out_printf(o, "        ");
    if (command == NULL) {
        out_printf(o, "*' --%s'", option->name);
    } else {
        bool alone = command->group == NULL;
        out_printf(o, alone ? "'%s%s --%s'" : "'%s %s --%s'", alone ? "" : command->group,
                   command->verb, option->name);
        if (command->short_form != NULL) {
            out_printf(o, " | '%s --%s'", command->short_form, option->name);
        }
    }
    out_printf(o, file ? ") mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n"
                       : ") offer='");
    if (!file) {
        words(o, values);
        out_printf(o, "' ;;\n");
    }
}

static void bash_values(out *o, const cli_command *command) {
    each_option(o, command, bash_value);
}

static bool name_known_before(const cli_command *command, const char *name) {
    for (const cli_option *option = cli_global_options; option->name != NULL; option++) {
        if (strcmp(option->name, name) == 0) {
            return true;
        }
    }
    for (const cli_command *other = NULL; (other = cli_command_next(other)) != command;) {
        for (const cli_option *option = other->options; option != NULL && option->name != NULL;
             option++) {
            if (strcmp(option->name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* All options that are followed by a value, each once. */
static void valued_option(out *o, const cli_command *command, const cli_option *option) {
    if (option->value == NULL || option->value_optional ||
        (command != NULL && name_known_before(command, option->name))) {
        return;
    }
    bool first = command == NULL && option == cli_global_options;
    out_printf(o, first ? "" : " | ");
    option_pattern(o, option);
}

static void valued_options(out *o, const cli_command *command) {
    each_option(o, command, valued_option);
}

/* The loop over the words before the cursor is the same in bash and zsh, but for where they are. */
static void command_loop(out *o, const char *each) {
    out_printf(o,
               "    for word in %s; do\n        if [ \"$word\" = = ]; then continue; fi\n        "
               "if [ -n \"$value\" ]; then value=''; continue; fi\n"
               "        case \"$word\" in\n            ",
               each);
    each_option(o, NULL, valued_option);
    each_command(o, valued_options);
    out_printf(o, ") value=${word#--}; continue ;;\n            -*) continue ;;\n        esac\n"
                  "        case \"$command\" in\n            '') command=$word ;;\n            ");
    each_command(o, group_pattern);
    out_printf(o, ") command=\"$command $word\" ;;\n        esac\n    done\n");
}

static void write_bash(cli *c) {
    out *o = &c->out;
    out_printf(o,
               "# Completion of tasker for bash; made by `tasker completion bash`.\n_tasker() {\n"
               "    local cur=${COMP_WORDS[COMP_CWORD]} command='' value='' word offer='' "
               "options='' files=''\n"
               "    local -a before=(\"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\n"
               "    COMPREPLY=()\n"
               "    if [ \"$cur\" = = ]; then cur=''; fi\n");
    command_loop(o, "\"${before[@]}\"");
    out_printf(o, "    case \"$command --$value\" in\n");
    each_option(o, NULL, bash_value);
    each_command(o, bash_values);
    out_printf(
        o, "        *) [ -z \"$value\" ] || return 0 ;;\n    esac\n"
           "    if [ -n \"$offer\" ]; then\n"
           "        mapfile -t COMPREPLY < <(compgen -W \"$offer\" -- \"$cur\"); return\n    fi\n"
           "    case \"$command\" in\n        '') offer='");
    each_command(o, bash_word);
    out_printf(o, "' ;;\n");
    each_command(o, bash_verbs);
    each_command(o, bash_command);
    out_printf(o, "    esac\n    if [[ $cur == -* ]]; then\n        offer=\"$options ");
    each_option(o, NULL, bash_option);
    out_printf(o,
               "\"\n    fi\n"
               "    mapfile -t COMPREPLY < <(compgen -W \"$offer\" -- \"$cur\"%s)\n",
               "");
    out_printf(o, "    if [ -n \"$files\" ] && [[ $cur != -* ]]; then\n"
                  "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
                  "        compopt -o filenames\n    fi\n}\ncomplete -F _tasker tasker\n");
}

/* --- zsh -------------------------------------------------------------------------------------- */

static void zsh_pair(out *o, const char *name, const char *help) {
    tk_buf text = {0};
    for (const char *at = name; *at != '\0'; at++) {
        tk_buf_printf(&text, *at == ':' ? "\\%c" : "%c", *at);
    }
    tk_buf_printf(&text, ":%s", help);
    out_printf(o, " ");
    quoted(o, text.failed ? name : text.data);
    o->text.failed = o->text.failed || text.failed;
    tk_buf_release(&text);
}

static void zsh_word(out *o, const cli_command *command) {
    if (command->group == NULL) {
        zsh_pair(o, command->verb, command->summary);
    } else if (is_first_of_group(command)) {
        zsh_pair(o, command->group, "a group of commands");
    }
    if (command->short_form != NULL) {
        zsh_pair(o, command->short_form, command->summary);
    }
}

static void zsh_verbs(out *o, const cli_command *command) {
    if (command->group == NULL || !is_first_of_group(command)) {
        return;
    }
    out_printf(o, "        %s) offer=(", command->group);
    for (const cli_command *other = NULL; (other = cli_command_next(other)) != NULL;) {
        if (other->group != NULL && strcmp(other->group, command->group) == 0) {
            zsh_pair(o, other->verb, other->summary);
        }
    }
    out_printf(o, ") ;;\n");
}

static void zsh_option(out *o, const cli_command *command, const cli_option *option) {
    (void)command;
    tk_buf name = {0};
    tk_buf_printf(&name, "--%s", option->name);
    zsh_pair(o, name.failed ? "" : name.data, option->help);
    o->text.failed = o->text.failed || name.failed;
    tk_buf_release(&name);
}

static void zsh_command(out *o, const cli_command *command) {
    out_printf(o, "        ");
    names(o, command);
    out_printf(o, ") options=(");
    each_option(o, command, zsh_option);
    out_printf(o, ") files=%s ;;\n", names_file(command->arguments) ? "yes" : "");
}

static void zsh_value(out *o, const cli_command *command, const cli_option *option) {
    const char *values = values_of(option);
    if (option->value == NULL || option->value_optional ||
        (values == NULL && !names_file(option->value)) ||
        (command != NULL && name_known_before(command, option->name))) {
        return;
    }
    out_printf(o, "        %s) ", option->name);
    if (values != NULL) {
        out_printf(o, "compadd ");
        words(o, values);
    } else {
        out_printf(o, "_files");
    }
    out_printf(o, "; return ;;\n");
}

static void zsh_values(out *o, const cli_command *command) {
    each_option(o, command, zsh_value);
}

static void write_zsh(cli *c) {
    out *o = &c->out;
    out_printf(o,
               "#compdef tasker\n# Completion of tasker for zsh; made by `tasker completion zsh`.\n"
               "_tasker() {\n    local command='' value='' word files=''\n"
               "    local -a offer options before=(\"${(@)words[2,CURRENT-1]}\")\n");
    command_loop(o, "\"${before[@]}\"");
    out_printf(o, "    case \"$value\" in\n        '') ;;\n");
    each_option(o, NULL, zsh_value);
    each_command(o, zsh_values);
    out_printf(o,
               "        *) return 1 ;;\n    esac\n    case \"$command\" in\n        '') offer=(");
    each_command(o, zsh_word);
    out_printf(o, ") ;;\n");
    each_command(o, zsh_verbs);
    each_command(o, zsh_command);
    out_printf(o, "    esac\n    if [[ ${words[CURRENT]} == -* ]]; then\n        options+=(");
    each_option(o, NULL, zsh_option);
    out_printf(
        o, ")\n        _describe option options\n    elif [[ -n $files ]]; then\n        _files\n"
           "    else\n        _describe command offer\n    fi\n}\n"
           "if [[ $funcstack[1] == _tasker ]]; then _tasker \"$@\"; else compdef _tasker tasker; "
           "fi\n");
}

/* --- fish ------------------------------------------------------------------------------------- */

static void fish_pair(out *o, const char *at, const char *word, const char *help) {
    out_printf(o, "complete -c tasker -f -n \"__tasker_at %s\" -a %s -d ", at, word);
    quoted(o, help);
    out_printf(o, "\n");
}

static void fish_option(out *o, const cli_command *command, const cli_option *option) {
    const char *values = values_of(option);
    out_printf(o, "complete -c tasker");
    if (command != NULL) {
        bool alone = command->group == NULL;
        out_printf(o, alone ? " -n \"__tasker_at %s%s" : " -n \"__tasker_at %s\\ %s",
                   alone ? "" : command->group, command->verb);
        out_printf(o, command->short_form == NULL ? "\"" : " %s\"", command->short_form);
    }
    out_printf(o, " -l %s", option->name);
    if (option->letter != 0) {
        out_printf(o, " -s %c", option->letter);
    }
    if (option->value != NULL && !option->value_optional) {
        out_printf(o, names_file(option->value) ? " -r -F" : " -x");
    }
    if (values != NULL) {
        out_printf(o, " -a '");
        words(o, values);
        out_printf(o, "'");
    }
    out_printf(o, " -d ");
    quoted(o, option->help);
    out_printf(o, "\n");
}

static void fish_command(out *o, const cli_command *command) {
    if (command->group != NULL) {
        if (is_first_of_group(command)) {
            fish_pair(o, "''", command->group, "a group of commands");
        }
        fish_pair(o, command->group, command->verb, command->summary);
    } else {
        fish_pair(o, "''", command->verb, command->summary);
    }
    if (command->short_form != NULL) {
        fish_pair(o, "''", command->short_form, command->summary);
    }
    if (names_file(command->arguments)) {
        bool alone = command->group == NULL;
        out_printf(o,
                   alone ? "complete -c tasker -F -n \"__tasker_at %s%s\"\n"
                         : "complete -c tasker -F -n \"__tasker_at %s\\ %s\"\n",
                   alone ? "" : command->group, command->verb);
    }
    each_option(o, command, fish_option);
}

static void fish_group(out *o, const cli_command *command) {
    if (command->group != NULL && is_first_of_group(command)) {
        out_printf(o, " %s", command->group);
    }
}

static void fish_valued(out *o, const cli_command *command, const cli_option *option) {
    if (option->value == NULL || option->value_optional ||
        (command != NULL && name_known_before(command, option->name))) {
        return;
    }
    out_printf(o, " --%s", option->name);
    if (option->letter != 0) {
        out_printf(o, " -%c", option->letter);
    }
}

static void fish_valued_options(out *o, const cli_command *command) {
    each_option(o, command, fish_valued);
}

static void write_fish(cli *c) {
    out *o = &c->out;
    out_printf(o, "# Completion of tasker for fish; made by `tasker completion fish`.\n"
                  "function __tasker_at\n    set -l command ''\n    set -l value ''\n"
                  "    for word in (commandline -opc)[2..]\n"
                  "        if test -n \"$value\"\n            set value ''\n            continue\n "
                  "       end\n"
                  "        switch $word\n            case");
    each_option(o, NULL, fish_valued);
    each_command(o, fish_valued_options);
    out_printf(
        o, "\n                set value yes\n                continue\n            case '-*'\n"
           "                continue\n        end\n        switch $command\n            case ''\n"
           "                set command $word\n            case");
    each_command(o, fish_group);
    out_printf(o, "\n                set command \"$command $word\"\n        end\n    end\n"
                  "    contains -- \"$command\" $argv\nend\ncomplete -c tasker -f\n");
    each_option(o, NULL, fish_option);
    each_command(o, fish_command);
}

cli_exit command_completion(cli *c) {
    static const struct {
        const char *shell;
        void (*write)(cli *c);
    } shells[] = {{"bash", write_bash}, {"zsh", write_zsh}, {"fish", write_fish}};
    suggestion best = {0};
    for (size_t i = 0; i < TK_COUNT_OF(shells); i++) {
        if (strcmp(c->words[0], shells[i].shell) == 0) {
            shells[i].write(c);
            return CLI_EXIT_OK;
        }
        suggest(&best, c->words[0], shells[i].shell);
    }
    return cli_fail(c, CLI_EXIT_USAGE, NULL,
                    "no completion for %s%s%s%s: expected bash, zsh or fish", c->words[0],
                    best.word == NULL ? "" : "; did you mean ", best.word == NULL ? "" : best.word,
                    best.word == NULL ? "" : "?");
}
