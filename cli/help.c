/*
 * help.c - what `--help` says, made of the table of commands.
 */
#include "commands.h"

enum { NAME_COLUMNS = 26 };

static void heading(out *o, const char *text) {
    tk_buf_char(&o->text, '\n');
    out_text(o, OUT_BOLD, tk_str_of(text), 0);
    tk_buf_char(&o->text, '\n');
}

/* "  left        right", on two lines when the left is long; what is right wraps. */
static void entry(out *o, const char *left, const char *right) {
    size_t size = strlen(left);
    out_printf(o, "  %s", left);
    if (size > NAME_COLUMNS - 2) {
        out_printf(o, "\n  ");
        size = 0;
    }
    const size_t indent = NAME_COLUMNS + 2;
    size_t columns = o->columns < OUT_COLUMNS_DEFAULT ? o->columns : OUT_COLUMNS_DEFAULT;
    size_t room = columns > 2 * indent ? columns - indent : indent;
    out_printf(o, "%*s", (int)(NAME_COLUMNS - size), "");
    for (tk_str rest = tk_str_of(right); rest.size > 0;) {
        size_t taken = out_wrap(rest, room);
        out_printf(o, "%.*s\n", (int)taken, rest.data);
        taken += taken < rest.size && rest.data[taken] == ' ' ? 1 : 0;
        rest = (tk_str){rest.data + taken, rest.size - taken};
        out_printf(o, "%*s", rest.size > 0 ? (int)indent : 0, "");
    }
}

static void option_entry(out *o, const cli_option *option) {
    char left[80];
    tk_buf text = {0};
    if (option->letter != 0) {
        tk_buf_printf(&text, "-%c, ", option->letter);
    } else {
        tk_buf_text(&text, "    ");
    }
    tk_buf_printf(&text, "--%s", option->name);
    if (option->value != NULL) {
        tk_buf_printf(&text, option->value_optional ? " [%s]" : " %s", option->value);
    }
    size_t size = text.size < sizeof(left) ? text.size : sizeof(left) - 1;
    memcpy(left, text.data == NULL ? "" : text.data, text.data == NULL ? 0 : size);
    left[text.data == NULL ? 0 : size] = '\0';
    tk_buf_release(&text);
    entry(o, left, option->help);
}

static void option_entries(out *o, const cli_option *options) {
    for (; options->name != NULL; options++) {
        option_entry(o, options);
    }
}

/* But for those that the command has taken for itself. */
static void global_option_entries(out *o, const cli_option *own) {
    for (const cli_option *option = cli_global_options; option->name != NULL; option++) {
        bool taken = false;
        for (const cli_option *other = own; other != NULL && other->name != NULL; other++) {
            taken = taken || strcmp(other->name, option->name) == 0;
        }
        if (!taken) {
            option_entry(o, option);
        }
    }
}

static void exit_entry(out *o, cli_exit code) {
    out_printf(o, "  %d  %s\n", (int)code, cli_exit_text(code));
}

static void command_entry(cli *c, const cli_command *command) {
    const char *left = tk_arena_printf(&c->arena, "%s%s%s", command->group ? command->group : "",
                                       command->group ? " " : "", command->verb);
    entry(&c->out, left == NULL ? command->verb : left, command->summary);
}

static const char ALL_GROUPS[] = "*";

/* Of one group, of all groups, or of none (NULL). */
static void commands_of(cli *c, const char *group) {
    for (const cli_command *command = NULL; (command = cli_command_next(command)) != NULL;) {
        bool alone = command->group == NULL;
        bool same =
            group != NULL && !alone && (group == ALL_GROUPS || strcmp(command->group, group) == 0);
        if (group == NULL ? alone : same) {
            command_entry(c, command);
        }
    }
}

static void short_forms(out *o) {
    size_t used = 0;
    for (const cli_command *command = NULL; (command = cli_command_next(command)) != NULL;) {
        if (command->short_form == NULL) {
            continue;
        }
        const size_t signs = sizeof(" =  , ") - 1;
        size_t size = 2 * strlen(command->verb) + strlen(command->group) + signs;
        bool first = used == 0;
        bool full = used + size > OUT_COLUMNS_DEFAULT - 2;
        out_printf(o, first ? "  " : full ? ",\n  " : ", ");
        out_printf(o, "%s = %s %s", command->short_form, command->group, command->verb);
        used = full ? size : used + size;
    }
    out_printf(o, "\n");
}

void cli_help_program(cli *c) {
    out *o = &c->out;
    out_printf(o, "tasker %s - workflows that do not get lost\n\n", tasker_version());
    out_printf(o,
               "usage: tasker [--store URL | --server URL] [--json] [--color WHEN] COMMAND ...\n");

    heading(o, "Commands");
    commands_of(c, ALL_GROUPS);
    commands_of(c, NULL);
    heading(o, "Short forms");
    short_forms(o);

    heading(o, "Options of every command");
    option_entries(o, cli_global_options);

    heading(o, "Environment");
    for (const cli_variable *variable = cli_variables; variable->name != NULL; variable++) {
        entry(o, variable->name, variable->help);
    }
    out_printf(o, "  The default store is sqlite:tasker.db in the working folder.\n");

    heading(o, "Exit codes");
#define X(name, code, text) exit_entry(o, CLI_EXIT_##name);
    CLI_EXIT_MAP(X)
#undef X
    heading(o, "Output");
    out_printf(o,
               "  On a terminal tables are fitted to its width; elsewhere cells are separated by\n"
               "  tabs and whole. --json prints one document; of an error {\"error\": {...}}.\n"
               "\ntasker COMMAND --help explains a command.\n");
}

void cli_help_group(cli *c, const char *group) {
    out_printf(&c->out, "usage: tasker %s VERB ...\n", group);
    heading(&c->out, "Commands");
    commands_of(c, group);
    out_printf(&c->out, "\ntasker %s VERB --help explains one.\n", group);
}

void cli_help_command(cli *c, const cli_command *command) {
    out *o = &c->out;
    const char *group = command->group == NULL ? "" : command->group;
    const char *space = command->group == NULL ? "" : " ";
    bool has_options = command->options != NULL && command->options->name != NULL;

    out_printf(o, "tasker %s%s%s - %s\n\n", group, space, command->verb, command->summary);
    out_printf(o, "usage: tasker %s%s%s%s%s%s\n", group, space, command->verb,
               command->arguments[0] == '\0' ? "" : " ", command->arguments,
               has_options ? " [OPTIONS]" : "");
    if (command->short_form != NULL) {
        out_printf(o, "       tasker %s ...\n", command->short_form);
    }
    if (command->description != NULL) {
        out_printf(o, "\n%s\n", command->description);
    }
    if (has_options) {
        heading(o, "Options");
        option_entries(o, command->options);
    }
    heading(o, "Options of every command");
    global_option_entries(o, command->options);

    if (command->examples != NULL) {
        heading(o, "Examples");
        for (const char *const *example = command->examples; *example != NULL; example++) {
            bool whole = strstr(*example, "tasker ") != NULL;
            out_printf(o, "  %s%s\n", whole ? "" : "tasker ", *example);
        }
    }
    heading(o, "Exit codes");
    exit_entry(o, CLI_EXIT_OK);
    for (const char *digit = command->exits; *digit != '\0'; digit++) {
        exit_entry(o, (cli_exit)(*digit - '0'));
    }
}
