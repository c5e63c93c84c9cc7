# task submit, show, list, wait, history, cancel, resolve, fail; beside a running worker.

new_store
uuid='[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
expect "submit prints the task" -o "^$uuid\$" task submit cli/chain
expect "its short form and options" -o "^$uuid\$" submit -N cli -n chain --version 1.0.0 \
    -c '{"a": 1}' -p -5 -t one -t two --initiator me --source shell --reason test
expect "submit as JSON" -j '.step_count == 2 and (.step_mapping | keys) == ["first", "second"]' \
    submit cli/chain --json
expect "a context of standard input" -o "$uuid" -i '{"x": 0.1}' submit cli/chain -c -
printf '{"n": 18446744073709551616}' >"$place/context.json"
task=$(submit cli/slow -c "@$place/context.json" --tag big)
expect "a context of a file, with a number of any size" -o 18446744073709551616 show "$task"
expect "the context is stored as written" -j '.context' -o '"context":\{"n": ?18446744073709551616\}' \
    show "$task" --json
expect "a whole request" -o "$uuid" submit --request \
    '{"name": "chain", "namespace": "cli", "context": {}}'
expect "many requests at once" -j 'length == 3' -i \
    "[$(printf '{"name":"chain","namespace":"cli","context":{}},%.0s' 1 2){\"name\":\"slow\",\"namespace\":\"cli\",\"context\":{}}]" \
    submit -r - --json
expect "all or none" -c 3 -e 'none' submit -r \
    '[{"name":"chain","namespace":"cli","context":{}},{"name":"none","namespace":"cli","context":{}}]'
key_first=$(submit cli/chain --key K-1 -c '{"a":1}')
check "the same key answers the same task" test "$key_first" = "$(submit cli/chain --key K-1 -c '{"a":1}')"
expect "and says so" -j '.known and .context_differs' submit cli/chain --key K-1 -c '{"a":2}' --json

expect "an unknown template" -c 3 -e 'try: tasker template list' submit cli/none
expect "one that is nearly right" -c 3 -e 'no template cli/chian is registered; did you mean cli/chain\?' \
    submit cli/chian
expect "one of another namespace" -c 3 -e 'no template clu/chain is.*did you mean cli/chain\?' submit clu/chain
expect "one of another version" -c 3 -e 'no template cli/slow:9 is.*did you mean cli/slow:2.1\?' submit cli/slow:9
expect "no namespace" -c 2 -e 'a namespace is missing; did you mean cli/chain\?' submit chain
expect "no namespace, and nobody knows the name" -c 3 -e 'no template qqqqqq is registered$' submit qqqqqq
expect "a time that is none" -c 2 -e '^tasker: --at soon: a time is expected' -E '\$' submit cli/chain --at soon
expect "a wrong member of a request" -c 2 -e '^tasker: namespace: a text' -E '\$' submit -r '{"name":"chain"}'
expect "one of several requests" -c 2 -e '^tasker: \[1\].run_at: a text' -E '\$' submit -r \
    '[{"name":"chain","namespace":"cli","context":{}},{"name":"chain","namespace":"cli","context":{},"run_at":1}]'
expect "as JSON the path stays a path" -c 2 -j '.error.path == "$.run_at"' submit cli/chain --at soon --json
expect "no name" -c 2 -e 'a name is missing' submit
expect "a context that is no JSON" -c 2 -e '--context: .*byte 5' submit cli/chain -c '{"a":}'
expect "a context that is no object" -c 2 -e 'context' submit cli/chain -c '[1]'
expect "a context against the schema" -c 2 -e 'context.n' submit cli/slow -c '{"n": "five"}'
expect "a context with a NUL" -c 2 -e 'byte' submit cli/chain -c '{"a":"\u0000"}'
expect "a context with broken UTF-8" -c 2 -e 'byte' submit cli/chain -c $'{"a":"\xff"}'
expect "an empty context" -c 2 -e 'expected JSON, @FILE or -' submit cli/chain -c ''
expect "a context in a file that is not there" -c 3 -e 'nofile' submit cli/chain -c @nofile
deep=$(printf '[%.0s' {1..128})$(printf ']%.0s' {1..128})
expect "a context that is too deep" -c 2 -e 'deep|128|nest' submit cli/chain -c "{\"a\":$deep}"
{ printf '{"a":"'; head -c 1048577 /dev/zero | tr '\0' x; printf '"}'; } >"$place/large.json"
expect "a context that is too large" -c 2 -e '1048576|large' submit cli/chain -c "@$place/large.json"
expect "--request with something beside it" -c 2 -e 'leave out --priority' \
    submit -r '{}' --priority 5
expect "--request with a word beside it" -c 2 -e 'leave out cli/chain' submit cli/chain -r '{}'
expect "an unknown step to bypass" -c 2 -e '^tasker: --bypass nostep: ' submit cli/chain --bypass nostep
expect "a time that is none" -c 2 -e 'run_at|TIME|time' submit cli/chain --at tomorrow

expect "last is the newest" -j '.name == "chain"' show last --json
expect "a word that is no task" -c 2 -e 'expected a UUID' show 123
expect "a task that is not there" -c 3 -e 'try: tasker task list' \
    show 01890000-0000-7000-8000-000000000000
expect "the list, with the newest first" -o "^TASK	STATE	STEPS	TEMPLATE	AGE	TOOK" \
    -o "^$uuid	steps_in_process	0/2	cli/chain:1.0.0	" list
expect "the list as JSON" -j '(.tasks | length) > 5 and .next == null' list --json
expect "pages" -j '(.tasks | length) == 2 and (.next | type) == "string"' list --limit 2 --json
next=$("$tasker" list --limit 2 --json | jq -r .next)
expect "the next page" -j '(.tasks | length) == 2' list --limit 2 --after "$next" --json
expect "a cursor that is none" -c 2 -e 'after' list --after nonsense
expect "filtered by tag" -j '.tasks | map(.task_uuid) == ["'"$task"'"]' list --tag big --json
expect "filtered by name" -j '.tasks | map(.name) | unique == ["slow"]' list --name slow --json
expect "filtered by initiator and source" -j '.tasks | length == 1' list --initiator me --source shell --json
expect "filtered by its idempotency key" -j '.tasks | map(.task_uuid) == ["'"$key_first"'"]' list --key K-1 --json
expect "filtered by time" -j '.tasks == []' list --created-after 2100-01-01T00:00:00Z --json
expect "and by another" -j '.tasks | length > 5' list --created-after 2020-01-01 --created-before 2100-01-01 --json
expect "a time that is none" -c 2 -e '^tasker: --created-after soon: ' list --created-after soon
expect "filtered by an unknown state" -c 2 -e '^tasker: --state nonsense is no state: expected pending, .*, running$' \
    list --state nonsense
expect "by one that is nearly right" -c 2 -e 'did you mean complete\?' list --state completed
expect "a correlation that is none" -c 2 -e '^tasker: --correlation x: expected a UUID' list --correlation x
expect "a namespace that no template has is told" -c 0 -e 'no template has the namespace clu; did you mean cli\?' \
    list --namespace clu
expect "also by counts" -c 0 -e 'the name chian; did you mean chain\?' counts --name chian
expect "an empty list" -j '.tasks == []' list --namespace none --json

# Beside a worker on the same file.
worker_start
expect "the worker runs what waits" -o 'complete' wait "$task" --timeout 20
expect "a number of any size comes out as it is" -o '^slow  18446744073709551616$' show "$task"
expect "the failed attempt is in the history" -o 'flaky	.*	waiting_for_retry	' -o 'flaky	.*	complete	2' \
    history "$task"
expect "the history as JSON" -j 'type == "array" and (.[0].to == "pending") and (.[-1].to == "complete")' \
    history "$task" --json
expect "the history of one step" -o '	flaky	' -O '	(task|slow)	' history "$task" --step flaky
expect "as JSON" -j 'map(.step) | unique == ["slow"]' history "$task" --step slow --json
expect "of a step that there is not" -c 3 -e 'no step nostep' history "$task" --step nostep
expect "submit and wait" -o 'complete' submit cli/slow --wait 20
expect "wait as JSON" -j '.state == "complete"' submit cli/chain --wait 20 --json
expect "wait for several as JSON" -j 'length == 2 and all(.state == "complete")' \
    wait "$task" "$key_first" --json
expect "a task that ends badly" -c 1 -o 'blocked_by_failures' -o 'bad  error  attempt 1.*no \\x1b\[31mgood' \
    -O $'\x1b' submit cli/bad_end --wait 20
blocked=$("$tasker" list --state blocked_by_failures --json | jq -r '.tasks[0].task_uuid')
expect "it is shown with its failure" -o '\\x1b\[31mgood' -O $'\x1b' \
    -o "^try: tasker step retry $blocked/bad" show "$blocked"
expect "and with what can be done" -o "^try: tasker step show $blocked/bad\$" \
    -o "^try: tasker step resolve $blocked/bad\$" -o "^try: tasker task cancel $blocked\$" show "$blocked"
expect "also when it was followed" -c 0 -o "^try: tasker step retry $blocked/bad\$" show "$blocked" --watch
expect "waiting for it is 1, at once" -c 1 -j '.state == "blocked_by_failures"' wait "$blocked" --json
expect "a task gives up" -o 'error' task fail "$blocked" --reason 'no hope' --by someone
expect "who and why are in the history" -o 'someone: no hope' history "$blocked"
other=$("$tasker" submit cli/bad_end --wait 20 --json | jq -r .task_uuid)
expect "a task is resolved by hand" -j '.state == "resolved_manually"' task resolve "$other" --json
expect "once" -c 4 -e "try: tasker task show $other" task cancel "$other"
expect "a list by state" -j '.tasks | map(.task_uuid) == ["'"$other"'"]' list --state resolved_manually --json
expect "workers are listed, their names made harmless" -o 'test\\x1b\[2Jworker' -O $'\x1b' worker list
expect "workers as JSON" -j 'type == "array" and length == 1' worker list --json
worker_stop
worker=

nobody=$(submit cli/nobody)
expect "waiting ends after the time given" -c 6 -e 'the time given is over' wait "$nobody" --timeout 0.3
expect "it is told that no worker runs, and how to wait on" -c 6 -e 'over; no worker is running' \
    -e "try: tasker task wait $nobody\$" wait "$nobody" --timeout 0
expect "also while it waits" -c 6 -o '^no worker is running$' wait "$nobody" --timeout 1
expect "submit, too" -c 6 -e 'no worker is running' -E 'TASK' submit cli/nobody --wait 0.2
worker_start
sleep 0.5
expect "a worker without the handler is none" -c 6 -e 'no worker has the handler cli.nobody' \
    wait "$nobody" --timeout 0
worker_stop
worker=
expect "also with the task as JSON" -c 6 -j '.state != "complete"' wait "$nobody" --timeout 0 --json
expect "a task is cancelled" -o 'cancelled' task cancel "$nobody" --reason 'not needed' --by me
expect "show tells who, when and why, and no status" -o '^  cancelled   20.*, by me: not needed$' \
    -O '^  status' show "$nobody"
expect "again is fine" -j '.state == "cancelled"' cancel "$nobody" --json
expect "waiting for it is 1" -c 1 wait "$nobody"
first=$(submit cli/nobody) second=$(submit cli/nobody)
expect "several are cancelled" -j 'length == 2 and all(.state == "cancelled")' \
    cancel "$first" "$second" --json
delayed=$(submit cli/chain --delay 3600)
expect "a delayed task tells when it starts" -o '^cli/chain  pending  0 of 2 steps, starts in 59 m' \
    -o '^  starts      20.* UTC, in 59 m' show "$delayed"
expect "so does the list" -o "^$delayed	pending	.*	in 59 m" list
expect "a task that no worker takes says so" -o '^  waits       no worker is running$' \
    -o 'none runs' show "$(submit cli/nobody)"
expect "a delayed task waits" -j '.state == "pending"' show "$(submit cli/chain --delay 3600)" --json
expect "a step is bypassed" -j '.steps[0].current_state == "resolved_manually"' \
    show "$(submit cli/nobody --bypass one)" --json
unset TASKER_STORE
