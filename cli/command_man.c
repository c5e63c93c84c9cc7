/*
 * command_man.c - the manual page, made of the tables of commands.
 */
#include "commands.h"

#define MAN_DATE "2026-11-24" /* when its own words were last changed */

/* Text as roff takes it: backslashes and hyphens are what they are, no line begins a request. */
static void text(out *o, const char *words) {
    bool begins = o->text.size == 0 || o->text.data[o->text.size - 1] == '\n';
    for (; *words != '\0'; words++) {
        if (begins && (*words == '.' || *words == '\'')) {
            tk_buf_text(&o->text, "\\&");
        }
        begins = *words == '\n';
        if (*words == '\\') {
            tk_buf_text(&o->text, "\\e");
        } else if (*words == '-') {
            tk_buf_text(&o->text, "\\-");
        } else {
            tk_buf_char(&o->text, *words);
        }
    }
}

/* Lines of a description are filled anew. */
static void paragraph(out *o, const char *words) {
    text(o, words);
    out_printf(o, "\n");
}

static void option_entries(out *o, const cli_option *options) {
    for (const cli_option *option = options; option != NULL && option->name != NULL; option++) {
        out_printf(o, ".TP\n");
        if (option->letter != 0) {
            out_printf(o, "\\fB\\-%c\\fR, ", option->letter);
        }
        out_printf(o, "\\fB\\-\\-");
        text(o, option->name);
        out_printf(o, "\\fR");
        if (option->value != NULL) {
            out_printf(o, option->value_optional ? " [\\fI%s\\fR]" : " \\fI%s\\fR", option->value);
        }
        out_printf(o, "\n");
        paragraph(o, option->help);
    }
}

static void example_lines(out *o, const char *const *examples) {
    out_printf(o, ".PP\n.nf\n");
    for (; *examples != NULL; examples++) {
        out_printf(o, ".RS 4\n");
        text(o, strstr(*examples, "tasker ") != NULL ? "" : "tasker ");
        text(o, *examples);
        out_printf(o, "\n.RE\n");
    }
    out_printf(o, ".fi\n");
}

static void command_entry(out *o, const cli_command *command) {
    out_printf(o, ".SS tasker ");
    if (command->group != NULL) {
        out_printf(o, "%s ", command->group);
    }
    text(o, command->verb);
    out_printf(o, command->arguments[0] == '\0' ? "" : " ");
    text(o, command->arguments);
    out_printf(o, "\n");
    paragraph(o, command->summary);
    if (command->short_form != NULL) {
        out_printf(o, ".br\nShort: \\fBtasker %s\\fR\n", command->short_form);
    }
    if (command->description != NULL) {
        out_printf(o, ".PP\n");
        paragraph(o, command->description);
    }
    option_entries(o, command->options);
    if (command->examples != NULL) {
        example_lines(o, command->examples);
    }
}

cli_exit command_man(cli *c) {
    out *o = &c->out;
    out_printf(o, ".TH TASKER 1 \"%s\" \"tasker %s\" \"User Commands\"\n", MAN_DATE,
               tasker_version());
    out_printf(o, ".SH NAME\ntasker \\- workflows that do not get lost\n"
                  ".SH SYNOPSIS\n\\fBtasker\\fR [\\fB\\-\\-store\\fR \\fIURL\\fR | "
                  "\\fB\\-\\-server\\fR \\fIURL\\fR] [\\fB\\-\\-json\\fR] \\fICOMMAND\\fR ...\n"
                  ".SH DESCRIPTION\n");
    paragraph(o, "The program works on a store, beside running workers, or over a server of\n"
                 "`tasker serve`. A task is a UUID, or `last`; a step is a UUID, or TASK/NAME.\n"
                 "A template is NAMESPACE/NAME:VERSION; without a version it is the one\n"
                 "registered last.");
    out_printf(o, ".SH OPTIONS\n");
    option_entries(o, cli_global_options);
    out_printf(o, ".SH COMMANDS\n");
    for (const cli_command *command = NULL; (command = cli_command_next(command)) != NULL;) {
        command_entry(o, command);
    }
    out_printf(o, ".SH ENVIRONMENT\n");
    for (const cli_variable *variable = cli_variables; variable->name != NULL; variable++) {
        out_printf(o, ".TP\n.B %s\n", variable->name);
        paragraph(o, variable->help);
    }
    out_printf(o, ".SH EXIT STATUS\n");
#define X(name, code, words)                                                                       \
    out_printf(o, ".TP\n.B %d\n", (code));                                                         \
    paragraph(o, words);
    CLI_EXIT_MAP(X)
#undef X
    return CLI_EXIT_OK;
}
