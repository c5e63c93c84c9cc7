# step show, retry, resolve, complete: a task that no worker runs is done by people.

new_store
task=$(submit cli/nobody)
step=$("$tasker" show "$task" --json | jq -r '.steps[] | select(.name == "one").step_uuid')
expect "a step by its UUID" -o 'one	enqueued' step show "$step"
expect "a step by its task and name" -j '.step_uuid == "'"$step"'"' step show "$task/one" --json
expect "a step of the newest task" -j '.name == "three"' step show last/three --json
expect "an unknown step names the nearest" -c 3 -e 'did you mean three\?' step show last/thre
expect "or where the steps are named" -c 3 -e "try: tasker task show $task\$" step show last/qqqqqqqq
expect "a step is no task" -c 2 -e 'try: tasker step show last/one$' show last/one
expect "a task alone is no step" -c 2 -e 'try: tasker task show last$' step show last
expect "a step of an unknown task" -c 3 step show 01890000-0000-7000-8000-000000000000/one
expect "a word that is no step" -c 2 -e 'TASK/NAME' step show one

expect "a result is recorded by hand" -o 'one  complete' step complete last/one --by me \
    --reason 'done on paper' -r '{"n": 18446744073709551616}'
expect "it is what was given" -o '18446744073709551616' step show last/one
expect "with its attempt" -o 'completed_by_hand' step show last/one
expect "the next step goes on" -j '.current_state == "enqueued"' step show last/two --json
expect "complete without a result" -c 2 -e 'needs --result' step complete last/two
expect "a result that is no JSON" -c 2 -e '--result: ' step complete last/two --result nonsense
expect "a result in a file that is not there" -c 3 step complete last/two --result @nofile
expect "a step is resolved" -j '.current_state == "resolved_manually"' step resolve last/two --json
expect "a step that waits for parents cannot be tried again" -c 4 -e 'try: tasker step show' \
    step retry last/one
expect "the last one ends the task" -o 'complete' step complete last/three --result null
expect "which is complete" -c 0 wait "$task" --timeout 5
expect "the history names who and why" -o 'me: done on paper' history "$task"

worker_start
failed=$("$tasker" submit cli/bad_end --wait 20 --json | jq -r .task_uuid)
expect "attempts are shown" -o '1	error	.*no \\x1b\[31mgood' -O $'\x1b' step show "$failed/bad"
expect "the failure is told whole, with its class and its backtrace" -o '^attempt 1, TestError, permanent:$' \
    -o '^  no \\x1b\[31mgood' -o '^  and a second line$' -o '^  somewhere.c:12$' -O $'\x1b' \
    step show "$failed/bad"
expect "an attempt that there is not" -c 3 -e 'no attempt 7' step show "$failed/bad" --attempt 7
expect "a failed step is tried again" -o 'bad  ' step retry "$failed/bad" --by me
expect "and fails again" -c 1 wait "$failed" --timeout 20
expect "with attempt 2" -j '.attempts_list | length == 2' step show "$failed/bad" --json
expect "which is the first of its own" -o 'bad	error	1 of 3, 2 in all	' show "$failed"
expect "as JSON, too" -j '.attempts == 1 and .attempt == 2 and .max_attempts == 3' \
    step show "$failed/bad" --json
expect "the failure of an older attempt can be seen" -o '^attempt 1, TestError' -O '^attempt 2' \
    step show "$failed/bad" --attempt 1
expect "it is resolved with a result" -o 'bad  resolved_manually' step resolve "$failed/bad" -r '"by hand"'
expect "and the task goes on to its end" -o 'complete' wait "$failed" --timeout 20
expect "a complete step is not tried again" -c 4 -e 'has not failed' step retry "$failed/good"
worker_stop
worker=
unset TASKER_STORE
