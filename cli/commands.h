/*
 * commands.h - the table of commands, and what each of them is called by.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli.h"

/* cli_command_next walks along all commands: the first one behind NULL, NULL behind the last. */
const cli_command *cli_command_next(const cli_command *before);

/* The tables that commands.c goes on with, at least one command in each; ended by an entry without a
 * verb. */
extern const cli_command cli_watch_commands[];
extern const cli_command cli_tool_commands[];

/* cli_command_find finds "group verb"; cli_command_alone a word that stands alone: a verb without a
 * group, or a short form. NULL when there is none. */
const cli_command *cli_command_find(const char *group, const char *verb);
const cli_command *cli_command_alone(const char *word);

/* cli_command_unknown tells that there is no such command (`group` NULL: or group), and which may be
 * meant. */
cli_exit cli_command_unknown(cli *c, const char *group, const char *word);

bool cli_group_known(const char *group);

/* command_template_put.c, command_template.c */
cli_exit command_template_check(cli *c);
cli_exit command_template_put(cli *c);
cli_exit command_template_list(cli *c);
cli_exit command_template_show(cli *c);

/* command_graph.c */
cli_exit command_template_graph(cli *c);

/* command_submit.c, command_task.c, command_list.c, command_history.c */
cli_exit command_task_submit(cli *c);
cli_exit command_task_show(cli *c);
cli_exit command_task_wait(cli *c);
cli_exit command_task_list(cli *c);
cli_exit command_task_history(cli *c);
cli_exit command_task_cancel(cli *c);
cli_exit command_task_resolve(cli *c);
cli_exit command_task_fail(cli *c);
cli_exit command_task_retry(cli *c);

/* command_rerun.c */
cli_exit command_task_rerun(cli *c);

/* command_step.c */
cli_exit command_step_show(cli *c);
cli_exit command_step_retry(cli *c);
cli_exit command_step_resolve(cli *c);
cli_exit command_step_complete(cli *c);

/* command_store.c */
cli_exit command_store_check(cli *c);
cli_exit command_store_backup(cli *c);
cli_exit command_store_migrate(cli *c);
cli_exit command_store_prune(cli *c);
cli_exit command_counts(cli *c);
cli_exit command_version(cli *c);
cli_exit command_help(cli *c);

/* command_worker.c */
cli_exit command_worker_list(cli *c);

/* command_why.c, command_watch.c, command_top.c, command_health.c, command_doctor.c */
cli_exit command_why(cli *c);
cli_exit command_watch(cli *c);
cli_exit command_top(cli *c);
cli_exit command_health(cli *c);
cli_exit command_doctor(cli *c);

/* command_config.c */
cli_exit command_config_show(cli *c);

/* command_key.c */
cli_exit command_key_create(cli *c);
cli_exit command_key_list(cli *c);
cli_exit command_key_revoke(cli *c);

/* command_serve.c */
cli_exit command_serve(cli *c);

/* command_completion.c, command_man.c */
cli_exit command_completion(cli *c);
cli_exit command_man(cli *c);

/* --- what several of them share: command.c ---------------------------------------------------- */

/* A template by its names; those not given are empty. */
typedef struct template_name {
    tk_str namespace_name, name, version;
} template_name;

/* command_template_name reads the first word, [NAMESPACE/]NAME[:VERSION], and --namespace, --name,
 * --version, which must not say the same twice. */
cli_exit command_template_name(cli *c, template_name *named);

/* command_template_find opens the store or the server and reads the template that is named. */
cli_exit command_template_find(cli *c, template_name *named, tk_json *template);

/* command_template_title shows "orders/fulfil:1.0.0". */
void command_template_title(cli *c, tk_json template);

/* command_template_fail tells that the template is not registered, and which one may be meant. */
cli_exit command_template_fail(cli *c, const template_name *named);

/* command_filter_note says on standard error when no template has the --namespace or --name that was
 * asked for: why nothing was found. */
void command_filter_note(cli *c);

/* command_template_namespace finds the namespace when only the name was given: the only one that has
 * such a template. USAGE when several have, NOTFOUND when none has. The store is open. */
cli_exit command_template_namespace(cli *c, template_name *named);

/* command_submit_end waits for what was submitted (--wait), or shows its UUIDs; command_submit.c. */
cli_exit command_submit_end(cli *c, tk_json answer);

/* command_act tells who acts (--by, else $USER) and why (--reason). */
tasker_act command_act(const cli *c);

/* command_result reads --result as checked JSON; empty when it was not given. */
cli_exit command_result(cli *c, tk_str *result);

#endif
