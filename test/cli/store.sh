# store check, counts.

new_store
expect "an empty store is good" -o '^0 tasks, 0 attempts, no problems$' store check
submit cli/chain >/dev/null
submit cli/nobody >/dev/null
expect "a store with tasks is good" -o '^2 tasks' store check
expect "as JSON" -j '.ok and .tasks == 2 and .problems == []' store check --json
expect "tasks are counted" -o '	2$' counts
expect "as JSON" -j 'type == "object"' counts --json
expect "of one template" -j 'type == "object"' counts --name chain --json
expect "no worker runs" -j '. == []' worker list --json

worker_start
expect "beside a worker" -j '.ok' store check --json
expect "a store is copied beside a worker" -o '^.*/copy\.db, [0-9]+ bytes$' store backup "$place/copy.db"
expect "the copy is a store, and good" -j '.ok and .tasks == 2' store check --store "sqlite:$place/copy.db" --json
expect "a file that exists is no place for a copy" -c 2 -e 'exists already' store backup "$place/copy.db"
rm -f "$place"/copy.db*
expect "as JSON" -j '.bytes > 0 and (.path | endswith("/copy.db"))' store backup "$place/copy.db" --json
expect "nor is a folder that is missing" -c 3 -e 'No such file' store backup "$place/none/copy.db"
expect "a copy has a name" -c 2 store backup
rm -f "$place"/copy.db*
expect "a worker that runs is said to" -j 'length == 1 and .[0].state == "runs"' worker list --json
worker_stop
worker=
expect "one that has stopped is no longer there" -j '. == []' worker list --json
worker_start
sleep 0.5
kill -KILL "$worker"
wait "$worker" 2>/dev/null
worker=
expect "one that was killed is gone" -j '.[0].state == "gone"' worker list --json
expect "also for people" -o '	gone	' worker list
if command -v sqlite3 >/dev/null; then
    sqlite3 "$place/tasks.db" "UPDATE worker SET process = 1, host = 'elsewhere'"
    expect "one of another host that gives no sign of life is silent" -j '.[0].state == "silent"' \
        worker list --json
fi
worker_start
sleep 0.5
expect "the next worker takes its place" -j 'map(.state) == ["runs"]' worker list --json
worker_stop
worker=

expect "ended work can be looked at before it goes" -j '.dry_run and .tasks > 0' \
    store prune --older-than 0s --dry-run --json
expect "and is still there then" -j '.tasks > 0' store check --json
expect "it goes with all that is its own" -o ' tasks and [0-9]+ keys went' store prune --older-than 0s
expect "what stays is sound" -o 'no problems' store check
expect "nothing is old enough twice" -o '^0 tasks and 0 keys went' store prune --older-than 1d
expect "an age has a unit" -c 2 -e 's, m, h, d or w' store prune --older-than 30
expect "an age has a number" -c 2 -e 'expected' store prune --older-than d
expect "an age must be given" -c 2 -e 'missing' store prune
expect "tables that are up to date stay as they are" -j '.from == .to' store migrate --json
expect "a file has no roles" -c 7 -e "roles and portions are PostgreSQL's" store migrate \
    --runtime-role somebody
expect "rights are somebody's" -c 2 -e 'which one' store migrate --print
expect "a period is one of three" -c 2 -e 'week, month or none' store migrate --period day
if command -v sqlite3 >/dev/null; then
    sqlite3 "$place/older.db" <src/schema_sqlite.sql
    expect "older tables are refused" -c 7 -e 'tasker store migrate' --store "sqlite:$place/older.db" list
    expect "until they are migrated" -o 'version 1 became version' \
        --store "sqlite:$place/older.db" store migrate
    expect "and then taken" --store "sqlite:$place/older.db" list
fi

if command -v sqlite3 >/dev/null; then
    sqlite3 "$place/tasks.db" "DELETE FROM task_state WHERE rowid IN (SELECT rowid FROM task_state LIMIT 1)" \
        2>/dev/null || sqlite3 "$place/tasks.db" "DELETE FROM task_state"
    expect "a row that is missing is found" -c 1 -o 'problems' store check
    expect "as JSON" -c 1 -j '.ok == false and (.problems | length) > 0' store check --json
fi
unset TASKER_STORE
