# What a terminal is sent: colours, widths, the live list, and nothing harmful.

new_store
escape=$'\x1b'
screen=$place/screen # what was sent to the last terminal

# sees SENTENCE PATTERN COLUMNS ROWS ARGUMENT...; a pattern that begins with ! must not be there
sees() {
    local sentence=$1 pattern=$2
    shift 2
    on_terminal "$@" >"$screen" 2>"$place/err"
    if [[ $pattern == !* ]]; then
        ! grep -aqE -- "${pattern#!}" "$screen"
    else
        grep -aqE -- "$pattern" "$screen"
    fi
    local found=$?
    if [ "$found" = 0 ]; then good "$sentence"; else cp "$screen" "$place/out"; bad "$sentence" "$pattern in: $*"; fi
}

# The widest line, without colours and line ends.
widest() { # in characters, not in bytes
    sed -e "s/$escape\[[0-9;]*[A-Za-z]//g" -e 's/\r//g' "$screen" | LC_ALL=C.UTF-8 wc -L
}

sees "tables have colours" "$escape\[1m" 100 30 template list
sees "and are aligned" 'NAMESPACE +NAME +VERSION' 100 30 template list --color never
sees "NO_COLOR is honoured, --color never too" "!$escape\[[0-9]+m" 100 30 template list --color never
export NO_COLOR=1
sees "NO_COLOR is honoured" "!$escape\[[0-9]+m" 100 30 template list
unset NO_COLOR
export TERM=dumb
sees "a dumb terminal gets none" "!$escape\[[0-9]+m" 100 30 template list
export TERM=xterm
expect "no colours elsewhere" -O "$escape" template list
expect "unless asked for" -o "$escape" template list --color always
for columns in 20 40 60 80; do
    on_terminal "$columns" 30 template list >"$screen"
    check "$columns columns are kept" test "$(widest)" -le "$columns"
done
task=$(submit cli/nobody)
"$tasker" cancel "$task" --by me --reason \
    'the customer has called twice and wants a green one, and that before the end of the week' >/dev/null
for columns in 20 60 80; do
    on_terminal "$columns" 30 list >"$screen"
    check "a list in $columns columns keeps them" test "$(widest)" -le "$columns"
    tr -d '\r\n ' <"$screen" >"$screen.joined"
    check "and cuts neither the task nor its state" grep -aq "$task.*cancelled" "$screen.joined"
    on_terminal "$columns" 30 history "$task" >"$screen"
    check "a history in $columns columns keeps them" test "$(widest)" -le "$columns"
    sed "s/$escape\[[0-9;]*m//g" "$screen" | tr -d '\r\n ' >"$screen.joined"
    check "and cuts no reason" grep -q 'me:thecustomerhas.*endoftheweek' "$screen.joined"
done
on_terminal 60 30 show "$task" >"$screen"
check "a task fits, too, but for its context" test "$(widest)" -le 80
sees "JSON is indented for people" '^  "task_uuid"' 100 30 show "$task" --json --color never
on_terminal 100 30 show "$task" --json --color never | jq -e .task_uuid >"$screen" 2>"$place/err"
check "and is JSON still" test -s "$screen"

# Names that want to do harm.
cat >"$place/hostile.yaml" <<'END'
name: "evil\e]0;owned\a\e[2Jname"
namespace_name: "\u202Edesrever"
version: "1.0.0"
description: "\u009b31m red \x7f"
steps:
  - name: "step\r\nfake line\e[1A"
    handler: {callable: cli.nobody}
END
"$tasker" template check "$place/hostile.yaml" >"$screen" 2>"$place/err"
if "$tasker" template put "$place/hostile.yaml" >/dev/null 2>&1; then
    expect "a hostile name is shown harmless" -o 'evil\\x1b\]0;owned\\x07' -O "$escape|$(printf '\xc2\x9b')" \
        template list
    expect "also its step" -o 'step\\x0d\\x0afake' -O "$escape" template show -n $'evil\x1b]0;owned\a\x1b[2Jname' \
        -N $'\u202edesrever'
    expect "as JSON it is escaped, and the same" -O "$escape" -O "$(printf '\xe2\x80\xae')" \
        -j 'map(.namespace) | contains(["\u202edesrever"])' template list --json
    sees "also on a terminal" "!$escape(\]|\[2J)|$(printf '\xe2\x80\xae')" 100 30 template list
else
    expect "a hostile name is refused, and said harmless" -c 1 -O "$escape|$(printf '\xc2\x9b')|$(printf '\xe2\x80\xae')" \
        template check "$place/hostile.yaml"
fi
submit cli/chain -c "$(printf '{"a":"\\u001b[2J\xe2\x80\xae\xc2\x9b31m","\xc2\x9bname":1}')" >/dev/null
expect "a hostile context is shown harmless" -o '\\u001b\[2J\\u202e\\u009b31m' \
    -O "$escape|$(printf '\xc2\x9b')|$(printf '\xe2\x80\xae')" show last

# The live list.
tasks=("$(submit cli/slow)" "$(submit cli/slow)" "$(submit cli/slow)" "$(submit cli/slow)" "$(submit cli/slow)")
on_terminal 80 12 wait "${tasks[@]}" --timeout 1 >"$screen"
check "a list that waits for a worker says so" grep -aq 'no worker is running' "$screen"
most=$(grep -aoE "$escape\[[0-9]+A" "$screen" | tr -dc '0-9\n' | sort -n | tail -1)
check "within its rows" test "${most:-99}" -lt 12
worker_start
task=$(submit cli/slow)
on_terminal 90 24 wait "$task" --timeout 20 >"$screen"
check "a live list is drawn again" grep -aq "$escape\[[0-9]*A" "$screen"
check "with the second attempt" grep -aq '2 of 3' "$screen"
check "with what goes on" grep -aq in_progress "$screen"
check "and the end" grep -aq complete "$screen"
check "in 90 columns" test "$(widest)" -le 90
check "its signs are Unicode where the terminal is" grep -aq '✔' "$screen"
LC_ALL=C on_terminal 90 24 show "$task" >"$screen"
sed -i "s/$escape\[[0-9;]*m//g" "$screen"
check "and ASCII elsewhere" sh -c '! grep -q "✔" "$1" && grep -q "^+ " "$1"' sh "$screen"
tasks=("$(submit cli/slow)" "$(submit cli/slow)" "$(submit cli/slow)" "$(submit cli/slow)" "$(submit cli/slow)")
on_terminal 80 8 wait "${tasks[@]}" --timeout 30 >"$screen"
check "a low terminal gets what fits" grep -aqE 'and [0-9]+ more tasks' "$screen"
most=$(grep -aoE "$escape\[[0-9]+A" "$screen" | tr -dc '0-9\n' | sort -n | tail -1)
check "never more than its rows" test "${most:-99}" -lt 8
sees "show --watch is the same" "complete" 90 24 show "$(submit cli/slow)" --watch
expect "elsewhere each change is a line" -o 'flaky  (waiting_for_retry|complete)' -o 'slow  complete' \
    -O "$escape" wait "$(submit cli/slow)" --timeout 20
expect "notes of standard input are among them" -i $'a note\nand \x1b[2J another' -o '^a note$' \
    -o '^and \\x1b\[2J another$' wait "$(submit cli/slow)" --notes --timeout 20
worker_stop
worker=
unset TASKER_STORE
