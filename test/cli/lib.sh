# Helpers of the command line's tests; test/cli/run loads this, then each of the other files.
#
#   expect "a sentence" [-c CODE] [-o PATTERN] [-O PATTERN] [-e PATTERN] [-E PATTERN] [-j FILTER] \
#          [-i INPUT] ARGUMENT...
#
# runs `tasker ARGUMENT...` and expects the exit code (default 0), the extended pattern in (-o) or not
# in (-O) its standard output, in (-e) or not in (-E) its standard error, and that the jq filter (-j)
# says true about its output. -i is its standard input.

tests_passed=0
tests_failed=0

good() {
    tests_passed=$((tests_passed + 1))
    echo "ok      $1"
}

bad() { # SENTENCE WHY...
    tests_failed=$((tests_failed + 1))
    echo "not ok  $1"
    shift
    printf '        %s\n' "$@"
    sed 's/^/        | /' "$place/out" | head -20
    sed 's/^/        ! /' "$place/err" | head -20
}

expect() {
    local sentence=$1 code=0 got input='' wrong=() option
    local out=() no_out=() err=() no_err=() filters=()
    shift
    while [[ ${1:-} =~ ^-[coOeEji]$ ]]; do
        option=$1
        case "$option" in
            -c) code=$2 ;;
            -o) out+=("$2") ;;
            -O) no_out+=("$2") ;;
            -e) err+=("$2") ;;
            -E) no_err+=("$2") ;;
            -j) filters+=("$2") ;;
            -i) input=$2 ;;
        esac
        shift 2
    done
    printf '%s' "$input" | timeout 60 "$tasker" "$@" >"$place/out" 2>"$place/err"
    got=${PIPESTATUS[1]}

    [ "$got" = "$code" ] || wrong+=("exit code $got, expected $code")
    local pattern
    for pattern in "${out[@]}"; do
        grep -aqE -- "$pattern" "$place/out" || wrong+=("standard output lacks $pattern")
    done
    for pattern in "${no_out[@]}"; do
        ! grep -aqE -- "$pattern" "$place/out" || wrong+=("standard output has $pattern")
    done
    for pattern in "${err[@]}"; do
        grep -aqE -- "$pattern" "$place/err" || wrong+=("standard error lacks $pattern")
    done
    for pattern in "${no_err[@]}"; do
        ! grep -aqE -- "$pattern" "$place/err" || wrong+=("standard error has $pattern")
    done
    for pattern in "${filters[@]}"; do
        jq -es "length == 1 and (.[0] | $pattern)" "$place/out" >/dev/null 2>&1 ||
            wrong+=("not true of the output: $pattern")
    done
    if [ "${#wrong[@]}" -eq 0 ]; then
        good "$sentence"
    else
        bad "$sentence" "tasker $*" "${wrong[@]}"
    fi
}

# check SENTENCE COMMAND...: any command that says so by its exit code
check() {
    local sentence=$1
    shift
    if "$@" >"$place/out" 2>"$place/err"; then
        good "$sentence"
    else
        bad "$sentence" "failed: $*"
    fi
}

# on_terminal COLUMNS ROWS ARGUMENT...: what a terminal of that size is sent; the exit code is kept.
on_terminal() {
    local columns=$1 rows=$2 command
    shift 2
    printf -v command '%q ' "$tasker" "$@"
    script -qec "stty cols $columns rows $rows; $command" "$place/typescript" </dev/null
}

# submit ARGUMENT...: the new task's UUID
submit() {
    "$tasker" task submit "$@"
}

# new_store: a store of its own for a file of tests, with the templates of test/cli/templates; when the
# file is run over a server, with a server that the commands go to
new_store() {
    rm -f "$place"/tasks.db*
    export TASKER_STORE="sqlite:$place/tasks.db"
    "$tasker" template put test/cli/templates >/dev/null
    [ "$over" != server ] || server_start
}

# server_start ARGUMENT...: `tasker serve` on the store, at $listen if that is set; TASKER_SERVER is its
# address. server_stop ends it.
server_start() {
    : >"$place/server.out"
    "$tasker" serve --listen "${listen:-127.0.0.1:0}" "$@" >"$place/server.out" 2>"$place/server.log" &
    server=$!
    for _ in $(seq 100); do
        grep -q http "$place/server.out" && break
        sleep 0.05
    done
    TASKER_SERVER=$(grep -o 'https\?://[^ ]*' "$place/server.out")
    export TASKER_SERVER
}

server_stop() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null
    server=
    unset TASKER_SERVER
}

# worker_start: a native worker on the store, in the background; worker_stop ends it
worker_start() {
    "$place/worker" "$TASKER_STORE" >"$place/worker.log" 2>&1 &
    worker=$!
}

worker_stop() {
    kill "$worker" 2>/dev/null
    wait "$worker" 2>/dev/null
}
