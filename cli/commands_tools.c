/*
 * commands_tools.c - the table of commands, continued: about the program itself.
 */
#include "commands_table.h"

static const cli_option act_options[] = {BY, REASON, {0}};
static const cli_option key_options[] = {
    {.name = "name", .letter = 'n', .value = "NAME", .help = "what people and logs call the key"},
    {.name = "permissions",
     .letter = 'p',
     .value = "WORDS",
     .repeatable = true,
     .known_as = " permission scope scopes role ",
     .help = "tasks:create,tasks:read, tasks:*, ...; may be repeated"},
    {.name = "namespace", .letter = 'N', .value = "NAME", .help = "all it sees (default: all)"},
    BY,
    REASON,
    {0},
};

static const cli_option serve_options[] = {
    {.name = "listen",
     .letter = 'l',
     .value = "ADDRESS",
     .known_as = " bind port host address ",
     .help = "address and port (default: 127.0.0.1:8080; port 0 takes a free one)"},
    {.name = "templates", .value = "DIR", .help = "register the templates of this folder first"},
    {.name = "config", .value = "FILE", .help = "a YAML file of settings"},
    {.name = "tls-cert", .value = "FILE", .help = "PEM: the certificate and its chain"},
    {.name = "tls-key", .value = "FILE", .help = "PEM: the certificate's key"},
    {.name = "hosts",
     .value = "NAMES",
     .help = "names that clients call it by, commas between (addresses always work)"},
    {.name = "cors-origins",
     .value = "ORIGINS",
     .help = "pages of these origins may ask, commas between"},
    {.name = "serve-threads",
     .value = "N",
     .known_as = " threads ",
     .help = "requests that use the store at once (default: 4)"},
    {.name = "access-log", .value = "on|off", .help = "a line for each request (default: on)"},
    ENVIRONMENT,
    {0},
};

static const cli_option config_options[] = {
    {.name = "config", .value = "FILE", .help = "a YAML file of settings"},
    {0},
};

const cli_command cli_tool_commands[] = {
    {
        .verb = "serve",
        .arguments = "",
        .options = serve_options,
        .summary = "answer HTTP: the API, metrics, the dashboard",
        .description =
            "Prints its address once it answers; a store that is missing is made. SIGINT or\n"
            "SIGTERM lets requests under way finish. Each option may also be a variable\n"
            "(--listen: TASKER_LISTEN) or a line of the file (listen: ADDRESS).\n"
            "Elsewhere than on loopback it listens only when the store has a key\n"
            "(`tasker key create`); as soon as a store has one, every request needs a key.",
        .examples = EXAMPLES("serve --store sqlite:tasker.db --templates config/tasks",
                             "serve --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem"),
        .exits = "234567",
        .run = command_serve,
    },
    {
        .group = "key",
        .verb = "create",
        .arguments = "--name NAME --permissions WORDS",
        .options = key_options,
        .summary = "make an API key for a server, shown once",
        .description =
            "The store keeps a fingerprint of it only. With a key in the store, its server\n"
            "asks everybody for one. Permissions: docs/http.md has each route's; a wrong\n"
            "word is told with all of them. On PostgreSQL the tables' owner runs this.",
        .examples = EXAMPLES("key create --name shop --permissions tasks:create,tasks:read",
                             "key create -n ops -p 'tasks:*' -p 'steps:*' -N orders >key.txt"),
        .exits = "24578",
        .run = command_key_create,
    },
    {
        .group = "key",
        .verb = "list",
        .arguments = "",
        .summary = "show the API keys, also the revoked ones",
        .examples = EXAMPLES("key list"),
        .exits = "25",
        .run = command_key_list,
    },
    {
        .group = "key",
        .verb = "revoke",
        .arguments = "NAME...",
        .words_min = 1,
        .words_max = WORDS_MANY,
        .options = act_options,
        .summary = "end API keys for good",
        .description = "NAME is a key's name or its ID. A server knows within seconds.",
        .examples = EXAMPLES("key revoke shop --reason 'was in a log'"),
        .exits = "2345",
        .run = command_key_revoke,
    },
    {
        .group = "config",
        .verb = "show",
        .arguments = "",
        .options = config_options,
        .summary = "show a server's settings, and where each comes from",
        .description = "What `tasker serve` would take here; with --server what that one has.",
        .examples = EXAMPLES("config show", "config show --server http://127.0.0.1:8080"),
        .exits = "2357",
        .run = command_config_show,
    },
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
