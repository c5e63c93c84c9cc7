# why, watch, top, doctor, config show, task retry and rerun: what goes on, and what hinders it.

new_store
: >"$place/events"
timeout 60 "$tasker" watch --limit 6 >"$place/events" 2>"$place/watch.err" &
watching=$!
sleep 0.5

# why
task=$(submit cli/chain)
expect "a task that no worker takes does not move" -c 1 -o '^Step first can run, but no worker is there' \
    -o '^try: tasker worker list$' why "$task"
expect "nor does its step" -c 1 -o '	first	enqueued	-	' why "$task/first"
expect "a step waits for another" -c 1 -o 'Step second waits for first' why last/second
expect "as JSON" -c 1 -j '.moves == false and (.steps | map(.waits_for)) == ["worker", "parents"]' \
    why last --json
delayed=$(submit cli/chain --delay 3600)
expect "one that starts later moves by itself" -o '^Step first begins in ' -o 'in 59 m' why "$delayed"
step=$("$tasker" show "$task" --json | jq -r .steps[0].step_uuid)
expect "a step is known by its UUID" -c 1 -j '.steps | length == 1' why "$step" --json
expect "a task that there is not" -c 3 why 01890000-0000-7000-8000-000000000000
expect "a word that is no task" -c 2 -e 'expected a UUID' why something

# doctor, without and with a worker
expect "the doctor tells that no worker runs" -c 1 -o '^warn	workers	none runs$' \
    -o '^fail	queues	no worker has cli.echo of namespace cli; 1 step waits' -o '^try: start one' doctor
expect "as JSON" -c 1 -j '.ok == false and (.checks | map(.verdict) | unique) == ["fail", "ok", "warn"]' \
    doctor --json
worker_start
expect "the worker takes it" -o complete wait "$task" --timeout 20
expect "nothing is left to wait for" -j '.steps == []' why "$task" --json
expect "all is well then" -o '^ok	workers	1 run$' -o '^ok	queues	0 steps ready' -O '^(warn|fail)' doctor
blocked=$("$tasker" submit cli/bad_end --wait 20 --json | jq -r .task_uuid)
expect "a blocked task needs a person" -c 1 -o '^warn	tasks	1 is blocked and needs a person$' \
    -o '^try: tasker task list --state blocked_by_failures$' doctor
expect "it does not move" -c 1 -o 'failed' -o '^try: tasker step ' why "$blocked"

# retry, rerun
expect "its failed steps are tried again" -o '^cli/bad_end  ' task retry "$blocked" --by me --reason again
expect "and fail again" -c 1 wait "$blocked" --timeout 20
expect "who and why are in the history" -o 'me: again' history "$blocked"
expect "a task without a failed step" -c 4 task retry "$task"
expect "a task that there is not is not tried again" -c 3 task retry 01890000-0000-7000-8000-000000000000
again=$("$tasker" rerun "$task" --context '{"new": 2.50}' --by me)
expect "a task is run again with another context" -o '\{"new": ?2.50\}' show "$again"
expect "it names the old one" -j '.parent_correlation_id != null' show "$again" --json
expect "with the same context and a wait" -j '.state == "complete"' task rerun "$task" --wait 20 --json
expect "a context that is no JSON" -c 2 -e '--context: ' rerun "$task" -c '{'
expect "a context that is none" -c 2 rerun "$task" -c '[1]'
expect "a task that there is not is not run again" -c 3 -e 'try: tasker task list' \
    rerun 01890000-0000-7000-8000-000000000000

# watch
wait "$watching"
cp "$place/events" "$place/out"
check "watch ends after its limit" test "$(wc -l <"$place/events")" = 6
check "it has told the submission" grep -q "	submitted	cli/chain:1.0.0	.*	$task\$" "$place/events"
check "and the attempts" grep -q "	ok	cli/chain	first	attempt 1, .*	$task\$" "$place/events"
timeout 60 "$tasker" watch --json --task "$blocked" --kind act --limit 2 >"$place/events" &
watching=$!
sleep 0.5
submit cli/chain >/dev/null
"$tasker" task retry "$blocked" >/dev/null
wait "$watching"
check "watch --task and --kind leave the others out; as JSON a line each" \
    jq -es "length == 2 and all(.task_uuid == \"$blocked\" and .kind == \"act\")" "$place/events"
cursor=$(head -1 "$place/events" | jq -r .id)
expect "it goes on behind a cursor" -o "	$blocked\$" watch --after "$cursor" --limit 1 --task "$blocked"
expect "a cursor that is none" -c 2 -e '--after nonsense' watch --after nonsense
expect "a kind that is none" -c 2 -e 'kind' watch --kind nonsense
expect "a limit that is none" -c 2 watch --limit 0

# top
expect "elsewhere than on a terminal top prints one look" -o '^tasks   running [0-9]+  blocked 1' \
    -o "^$blocked	cli/bad_end	" -o '^test\\x1b\[2Jworker	runs	' top
expect "with --json a line" -j '.counts.tasks.blocked_by_failures == 1 and (.blocked | length) == 1' \
    top --json --count 1
check "or one for each look, the later with rates" sh -c \
    '"$1" top --json --count 3 --interval 0.1 | jq -es "length == 3 and .[2].submitted_per_second == 0"' \
    sh "$tasker"
expect "an interval that is none" -c 2 -e 'expected seconds' top --interval soon
screen=$place/screen
plain() { # of what a terminal was sent
    sed -e $'s/\x1b\\[[0-9;?]*[A-Za-z]//g' -e 's/\r//g' "$screen"
}
for columns in 80 120 40; do
    python3 test/cli/keys.py "$columns" 20 spq "$tasker" top >"$screen"
    check "top in $columns columns keeps them" test "$(plain | LC_ALL=C.UTF-8 wc -L)" -le "$columns"
    check "and its rows" test "$(plain | wc -l)" -le 22
    check "p pauses, s sorts" sh -c 'grep -q paused "$1" && grep -q "Queues by age" "$1"' sh "$screen"
    check "q ends it, and the terminal is as before" grep -q '^exit 0 .* restored True$' "$screen"
done
python3 test/cli/keys.py 80 24 '' "$tasker" top --interval 0.1 >"$screen"
check "a signal ends it in the same way" grep -q 'restored True$' "$screen"
check "it has drawn again and again" test "$(sed -n 's/.* frames \([0-9]*\) .*/\1/p' "$screen")" -gt 3
NO_COLOR=1 python3 test/cli/keys.py 80 24 q "$tasker" top >"$screen"
check "without colours if so wished" sh -c '! grep -q "$(printf "\033")\[[0-9]*m" "$1"' sh "$screen"
worker_stop
worker=

expect "the settings of a server are shown" -o '^listen	127.0.0.1:' -o '^store	sqlite:' config show
expect "as JSON" -j '.settings | map(.name) | contains(["listen", "store"])' config show --json
unset TASKER_STORE
