# completion, man: what shells and man(1) are given, and that they take it.

for shell in bash zsh fish; do
    expect "completion for $shell is made" -o 'made by `tasker completion '"$shell"'`' completion "$shell"
    cp "$place/out" "$place/completion.$shell"
    if command -v "$shell" >/dev/null; then
        check "$shell takes it" "$shell" -n "$place/completion.$shell"
    fi
done
expect "an unknown shell" -c 2 -e 'no completion for fis; did you mean fish\?' completion fis
expect "no shell" -c 2 -e 'completion needs bash\|zsh\|fish' completion

# completes SENTENCE OFFERED WORD...: bash offers exactly this for the last word
completes() {
    local sentence=$1 offered=$2
    shift 2
    # shellcheck disable=SC2016
    bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tasker 2>/dev/null
        echo "${COMPREPLY[*]}"' bash "$place/completion.bash" "$@" >"$place/offered"
    check "$sentence" grep -qx -- "$offered" "$place/offered"
}
completes "bash completes groups and commands" 'task' tasker tas
completes "also behind options and their values" 'counts' tasker --json -s sqlite:x cou
completes "verbs of a group" 'show submit\|submit show' tasker task s
completes "options of a command" '--state --step\|--state' tasker task list --sta
completes "options of every command" '--store' tasker counts --sto
completes "values of an option" 'blocked_by_failures' tasker list --state b
completes "also behind an equals sign" 'blocked_by_failures' tasker list --state = b
completes "nothing where anything may stand" '' tasker submit --context ''
touch "$place/unlike others.yaml"
completes "files" "$place/unlike others.yaml" tasker template check "$place/unlike"
while read -r command; do
    # shellcheck disable=SC2086
    completes "bash knows $command" '.*--json.*' tasker $command --
done < <("$tasker" --help | sed -n '/^Commands/,/^$/p' | sed -n 's/^  \([a-z]* \?[a-z]*\)  .*/\1/p')
if command -v fish >/dev/null; then
    fish -c ". $place/completion.fish; complete -C 'tasker task ca'" >"$place/offered"
    check "fish completes verbs with their meaning" grep -q "^cancel.*end tasks" "$place/offered"
fi

expect "the manual page has every command" -o '^\.SS tasker task cancel' -o '^\.SH EXIT STATUS' man
cp "$place/out" "$place/tasker.1"
if command -v man >/dev/null; then
    check "man(1) reads it without a warning" sh -c \
        '[ -z "$(man --warnings -l "$1" 2>&1 >/dev/null)" ]' sh "$place/tasker.1"
fi
if command -v mandoc >/dev/null; then
    check "so does mandoc" mandoc -T lint -W warning "$place/tasker.1"
fi
