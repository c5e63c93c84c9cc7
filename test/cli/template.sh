# template check, put, list, show.

valid=test/cli/templates/chain.yaml
expect "a good file is good" -o 'cli/chain:1.0.0, 2 steps, ok' template check "$valid"
expect "several files" -o 'chain.yaml: ' -o 'slow.yaml: ' template check test/cli/templates/*.yaml
expect "as JSON it is an array of reports" -j 'length == 1 and .[0].valid and .[0].steps == 2' \
    template check "$valid" --json
expect "standard input" -o 'standard input: cli/chain' -i "$(cat "$valid")" template check -

# bad SENTENCE PATTERN YAML: an error with file, line and column
bad_template() {
    printf '%s' "$3" >"$place/bad.yaml"
    expect "$1" -c 1 -o "^$place/bad.yaml:[0-9]+:[0-9]+: error: .*$2" template check "$place/bad.yaml"
}
head='name: a
namespace_name: b
version: "1"
'
bad_template "an empty file" '' ''
bad_template "a file that is no YAML" '' '{ a: ['
bad_template "a list instead of a template" '' '- a'
bad_template "a name is missing" 'name' 'namespace_name: b
version: "1"
steps: []'
bad_template "a version that is a number" 'version' 'name: a
namespace_name: b
version: 1.0
steps: [{name: x, handler: {callable: X}}]'
bad_template "an anchor" '' "$head"'steps: &all [{name: x, handler: {callable: X}}]'
bad_template "a key twice" '' "$head"'name: c'
bad_template "an unknown parent" 'nobody' "$head"'steps:
  - {name: x, handler: {callable: X}, dependencies: [nobody]}'
bad_template "a cycle, which is named" 'x.*y|y.*x' "$head"'steps:
  - {name: x, handler: {callable: X}, dependencies: [y]}
  - {name: y, handler: {callable: X}, dependencies: [x]}'
bad_template "a step that depends on itself" 'x' "$head"'steps:
  - {name: x, handler: {callable: X}, dependencies: [x]}'
bad_template "a step's name twice" 'x' "$head"'steps:
  - {name: x, handler: {callable: X}}
  - {name: x, handler: {callable: Y}}'
bad_template "an unknown backoff" 'exponential' "$head"'steps:
  - {name: x, handler: {callable: X}, retry: {backoff: slowly}}'
bad_template "a step without a handler" 'handler' "$head"'steps: [{name: x}]'
printf '%s' "$head"'steps:
  - {name: x, handler: {callable: X}, dependencies: [n1]}
  - {name: y, handler: {callable: X}, retry: {backoff: slowly}}' >"$place/two.yaml"
expect "every error is told" -c 1 -o ':5:.*n1' -o ':6:.*slowly' template check "$place/two.yaml"
expect "a bad file does not hide a good one" -c 1 -o 'chain.yaml: cli/chain' -o 'two.yaml:5' \
    template check "$place/two.yaml" "$valid"
expect "bad as JSON" -c 1 -j '.[0].valid == false and (.[0].errors | length) == 2 and
    .[0].errors[0].line == 5' template check --json "$place/two.yaml"
printf '%s' "$head"'colour: red
steps: [{name: x, handler: {callable: X}}]' >"$place/warn.yaml"
expect "an unknown key is a warning" -c 0 -o 'warn.yaml:4:1: warning: .*colour' \
    template check "$place/warn.yaml"
head -c 1100000 /dev/zero | tr '\0' '#' >"$place/large.yaml"
expect "a file that is too large" -c 1 -o 'large.yaml:' template check "$place/large.yaml"
expect "a file that is not there" -c 3 -e 'cannot read .*none.yaml: No such file' \
    template check "$place/none.yaml"
expect "a folder has all its files checked" -o 'bad_end.yaml: cli/bad_end' -o 'slow.yaml: cli/slow' \
    template check test/cli
expect "a folder without a template" -c 3 -e 'no \*.yml and no \*.yaml below .*/empty' \
    template check "$(mkdir -p "$place/empty" && echo "$place/empty")"
printf '%s' "$head"'colour: red
steps:
  - {name: x, handler: {callable: X}, dependencies: [n1]}
size: 7' >"$place/order.yaml"
"$tasker" template check "$place/order.yaml" | sed 's/^[^:]*:\([0-9]*\):.*/\1/' | tr '\n' ' ' >"$place/lines"
check "errors and warnings are told in the order of the file" grep -qx '4 6 7 ' "$place/lines"
expect "no file at all" -c 2 -e 'needs FILE' template check

# Registering.
export TASKER_STORE="sqlite:$place/templates.db"
expect "put makes the store" -o 'cli/chain:1.0.0 registered, revision 1' template put "$valid"
expect "the same again makes no revision" -o 'revision 1$' template put "$valid"
sed 's/one after/just after/' "$valid" >"$place/changed.yaml"
expect "a changed one does" -o 'revision 2$' template put "$place/changed.yaml"
expect "the older one becomes the current one again" -o 'revision 1$' template put "$valid"
expect "a folder" -o 'cli/slow:2.1' -o 'cli/nobody' template put test/cli/templates
expect "put as JSON" -j 'length == 4 and all(.valid)' template put test/cli/templates --json
mkdir -p "$place/mixed" && cp "$valid" "$place/two.yaml" "$place/mixed"
expect "one bad file of a folder does not stop the others" -c 1 -o 'chain:1.0.0 registered' \
    -o 'two.yaml:5:' template put "$place/mixed"
expect "a bad file is told with all its errors" -c 1 -o ':5:' -o ':6:' template put "$place/two.yaml"
mkdir -p "$place/project/config/tasks" && cp "$valid" "$place/project/config/tasks"
export TASKER_TEMPLATE_PATH="$place/project/config/tasks"
expect "without a file the folder is found" -o 'chain:1.0.0' -O 'slow' template put
unset TASKER_TEMPLATE_PATH
expect "a folder that is not there" -c 3 -e 'nowhere' template put "$place/nowhere"

expect "the list has them" -o 'cli	chain	1.0.0	' -o 'cli	slow	2.1	1	2	Takes a while' template list
expect "the list of a namespace" -O 'chain' template list --namespace other
expect "the list as JSON" -j 'type == "array" and (map(.name) | contains(["chain", "slow"]))' \
    template list --json
expect "one of them" -o 'cli/slow:2.1, revision 1' -o 'flaky.*cli.flaky.*3' -o 'slow	flaky	cli.slow	.*30 s' \
    template show cli/slow
expect "one of them by its name alone" -o 'cli/slow:2.1, revision 1' template show slow
expect "one that is nearly right" -c 3 -e 'did you mean cli/slow\?' template show cli/slwo
expect "one of them by version" -o 'slow:2.1' template show cli/slow:2.1
expect "one of them by options" -o 'slow:2.1' template show -N cli -n slow --version 2.1
expect "one of them as JSON" -j '.name == "slow" and (.steps | length) == 2' template show cli/slow --json
expect "said twice" -c 2 -e 'was named before' template show cli/slow --name chain
expect "none" -c 2 -e 'which template' template show
expect "an unknown one" -c 3 -e 'try: tasker template list' template show cli/none
expect "an unknown version" -c 3 template show cli/slow:9

# The graph, of what is registered and of a file.
expect "a graph is drawn" -o '^│ flaky │$' -o '^    ▼$' -o '^└───┬───┘$' template graph cli/slow
expect "by its short form and the name alone" -o '│ flaky │' graph slow
expect "of a file that no store knows" -o '│ first │' template graph "$valid" --store sqlite:nowhere.db
expect "of standard input" -o '│ first │' -i "$(cat "$valid")" template graph -
expect "as Mermaid" -o '^flowchart TD$' -o '^    s0\["flaky"\]$' -o '^    s0 --> s1$' \
    template graph cli/slow --mermaid
expect "as JSON" -j '.steps == [{"name":"flaky","layer":0,"after":[]},{"name":"slow","layer":1,"after":["flaky"]}]' \
    template graph cli/slow --json
LC_ALL=C expect "in ASCII where there is no UTF-8" -o '^\+-------\+$' -o '^    v$' -O '│' template graph cli/slow
{
    printf 'name: wide\nnamespace_name: cli\nversion: "1"\nsteps:\n'
    printf '  - {name: step_with_a_long_name_%s, handler: {callable: X}}\n' 1 2 3 4 5
    echo '  - {name: "a \"quoted\" | [step]", handler: {callable: X}, dependencies: [step_with_a_long_name_1, step_with_a_long_name_5]}'
} >"$place/wide.yaml"
expect "what is too wide is listed by layers" -o '^2	a "quoted" \| \[step\]	step_with_a_long_name_1, step_with_a_long_name_5$' \
    template graph "$place/wide.yaml"
expect "Mermaid's own signs are escaped" -o 's5\["a #34;quoted#34; #124; #91;step#93;"\]' \
    template graph "$place/wide.yaml" --mermaid
{
    printf 'name: many\nnamespace_name: cli\nversion: "1"\nsteps:\n'
    for i in $(seq 130); do
        printf '  - {name: s%s, handler: {callable: X}%s}\n' "$i" "$([ "$i" = 1 ] || echo ", dependencies: [s$((i - 1))]")"
    done
} >"$place/many.yaml"
expect "so is what is too large" -o '^130	s130	s129$' template graph "$place/many.yaml"
expect "a file with errors" -c 1 -e 'try: tasker template check' template graph "$place/two.yaml"
expect "a template that there is not" -c 3 -e 'did you mean cli/slow' template graph cli/slwo
expect "nothing to draw" -c 2 -e 'which template' template graph
unset TASKER_STORE
