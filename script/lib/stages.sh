# Stages of a long test run: one line each with its counts and time, and a sum at the end.
#
#   . script/lib/stages.sh
#   stages_begin "$@"                 # the arguments select stages by a part of their name
#   stage "C tests" 300 make check    # name, limit in seconds, command
#   stages_end                        # prints the sum; fails when a stage failed
#
# A stage that fails does not stop the run. Its output is in build/log/; of a failed one the end is
# shown. A stage counts the tests that its command reports in a closing line ("N passed, N failed",
# or RSpec's "N examples, N failures"), else itself.

stages_begin() {
    stages_chosen=("$@")
    stages_passed=0
    stages_failed=0
    stages_bad=()
    stages_log_dir=build/log
    mkdir -p "$stages_log_dir"
}

stage_is_chosen() {
    local part
    [ "${#stages_chosen[@]}" -eq 0 ] && return 0
    for part in "${stages_chosen[@]}"; do
        [[ $1 == *"$part"* ]] && return 0
    done
    return 1
}

# Sets stage_passed and stage_failed from what the command printed and how it ended.
stage_count() {
    local log=$1 code=$2 line
    stage_passed=$((code == 0))
    stage_failed=$((code != 0))
    line=$(grep -aE '^([0-9]+ passed, [0-9]+ failed|[0-9]+ examples?, [0-9]+ failures?)' "$log" | tail -1)
    [ -n "$line" ] || return 0

    local numbers
    read -r -a numbers <<<"$(tr -c '0-9\n' ' ' <<<"$line")"
    stage_passed=${numbers[0]}
    stage_failed=${numbers[1]}
    if [[ $line == *example* ]]; then
        stage_passed=$((numbers[0] - numbers[1] - ${numbers[2]:-0})) # the third: pending
    fi
    if [ "$code" -ne 0 ] && [ "$stage_failed" -eq 0 ]; then
        stage_failed=1
    fi
    if [ "$stage_passed" -eq 0 ] && [ "$stage_failed" -eq 0 ]; then
        stage_failed=1 # a suite that ran nothing is broken
    fi
}

stage() {
    local name=$1 limit_s=$2
    shift 2
    stage_is_chosen "$name" || return 0

    local log="$stages_log_dir/${name//[^A-Za-z0-9]/-}.log" began=$SECONDS code
    timeout --kill-after=10 "$limit_s" "$@" >"$log" 2>&1 </dev/null
    code=$?
    stage_count "$log" "$code"
    stages_passed=$((stages_passed + stage_passed))
    stages_failed=$((stages_failed + stage_failed))

    local word=ok
    [ "$stage_failed" -eq 0 ] || word=FAILED
    printf '%-6s  %-36s %6d good %4d bad %6d s\n' \
        "$word" "$name" "$stage_passed" "$stage_failed" "$((SECONDS - began))"
    if [ "$stage_failed" -ne 0 ]; then
        stages_bad+=("$name")
        [ "$code" -ne 124 ] || echo "        stopped after $limit_s s"
        tail -n 60 "$log" | sed 's/^/        /'
        echo "        the whole output: $log"
    fi
}

stages_end() {
    echo
    if [ "${#stages_bad[@]}" -gt 0 ]; then
        printf 'failed: %s\n' "${stages_bad[@]}"
    fi
    echo "took $((SECONDS / 60)) min $((SECONDS % 60)) s"
    echo "$stages_passed passed, $stages_failed failed"
    [ "$stages_failed" -eq 0 ] && [ "$stages_passed" -gt 0 ]
}
