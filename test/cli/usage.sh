# The command line itself: help, unknown words and options, exit codes, where the store is.

expect "the program explains itself" -o 'usage: tasker' -o 'Exit codes' -o 'TASKER_STORE' --help
expect "without a word too" -o 'usage: tasker'
expect "the version is told" -o '^tasker [0-9]+\.[0-9]+\.[0-9]+$' --version
expect "also by a word" -o '^tasker [0-9]' version
expect "also as JSON" -j '.tasker | test("^[0-9.]+$")' version --json

"$tasker" --help | sed -n '/^Commands/,/^$/p' | sed -n 's/^  \([a-z]* \?[a-z]*\)  .*/\1/p' >"$place/commands"
check "the help names all the commands" test "$(wc -l <"$place/commands")" -ge 21
while read -r group verb; do
    expect "$group $verb has help" -o "^tasker $group $verb|^tasker $group" -o 'usage:' -o 'Exit codes' \
        "$group" $verb --help
    expect "help $group $verb is the same" -o 'usage:' help "$group" $verb
done <"$place/commands"
expect "a group has help" -o 'task cancel' -O 'step retry' task --help
expect "a short form has the help of its command" -o 'tasker task submit' submit -h
expect "help wins over other mistakes" -o 'usage:' task submit --nonsense --help

expect "an unknown command names the nearest" -c 2 -e 'no command tsak; did you mean task\?' tsak
expect "an unknown verb too" -c 2 -e 'did you mean task cancel\?' task cancle
expect "an unknown short form too" -c 2 -e 'did you mean history\?' histroy
expect "a word like nothing is just unknown" -c 2 -e 'no command qqqqqqq$' qqqqqqq
expect "help, too" -c 2 -e 'no command taks; did you mean task\?' help taks
expect "also of a verb" -c 2 -e 'no command task lsit; did you mean task list\?' help task lsit
expect "what people try elsewhere is known" -c 2 -e 'did you mean counts\?' status
expect "and where workers come from" -c 2 -e 'a worker is a program of yours' worker start
expect "a word that is missing comes with an example" -c 2 -e 'try: tasker task show last$' show
expect "an unknown word of help" -c 2 -e 'no command nothing' help nothing
expect "a group without a verb" -c 2 -e 'task needs a verb' -e 'try: tasker task --help' task
expect "an unknown option names the nearest" -c 2 -e 'no option --prioriy; did you mean --priority\?' \
    submit a/b --prioriy 3
expect "what it may be called elsewhere is known" -c 2 -e 'did you mean --wait\?' \
    submit a/b --wait --timeout 3
expect "an option of another command is unknown" -c 2 -e 'no option --result' task show last --result 1
expect "an unknown letter" -c 2 -e 'no option -x' -e 'try: tasker counts --help' counts -x
expect "a value is missing" -c 2 -e '--store needs a value: --store=URL' counts --store
expect "a value that looks like an option" -c 2 -e '--name needs a value' counts --name --json
expect "a flag takes no value" -c 2 -e '--json takes no value' counts --json=yes
expect "an option given twice" -c 2 -e '--name is given twice' counts --name a --name b
expect "a word is missing" -c 2 -e 'task show needs TASK' task show
expect "a word too many" -c 2 -e 'one word too many: b' task show a b
expect "a number that is none" -c 2 -e 'expected a whole number from 1 to 1000' list --limit many
expect "a number out of range" -c 2 -e 'from -100 to 100' submit a/b --priority 101
expect "a number with a tail" -c 2 -e 'from -100 to 100' submit a/b --priority 7x
expect "seconds that are none" -c 2 -e 'expected seconds' wait last --timeout soon
expect "seconds below zero" -c 2 -e 'expected seconds' wait last --timeout=-1
expect "an unknown colour" -c 2 -e 'expected auto, always or never' counts --color blue
expect "a usage error is JSON, too, when asked for" -c 2 \
    -j '.error.exit_code == 2 and .error.status == "invalid"' counts --nonsense --json
expect "control characters in a wrong word are not sent back" -c 2 -e '\\x1b\[31mred' -E $'\x1b' \
    $'\x1b[31mred'
expect "nor bytes that are no UTF-8" -c 2 -e '\\xff' -E $'\xff' $'\xff'

# Where the store is.
export TASKER_STORE="sqlite:$place/from-environment.db"
expect "TASKER_STORE names the store" -c 5 -e 'from-environment.db' counts
expect "--store wins" -c 5 -e 'from-option.db' -E environment counts --store "sqlite:$place/from-option.db"
expect "--store may stand first" -c 5 -e 'from-option.db' --store "sqlite:$place/from-option.db" counts
expect "-s is --store" -c 5 -e 'from-option.db' counts -s "sqlite:$place/from-option.db"
unset TASKER_STORE
export DATABASE_URL=mysql://somewhere
expect "another database's URL is not taken" -c 5 -e 'sqlite:tasker.db' counts
export DATABASE_URL=postgres://someone:secret@127.0.0.1:1/none
expect "PostgreSQL's is, and its password is not shown" -e 'someone:\*\*\*@127.0.0.1' -E secret \
    -c "$("$tasker" counts >/dev/null 2>&1 && echo 0 || echo $?)" counts
export DATABASE_URL='postgres://someone:secret@127.0.0.1:1/none?application_name=a@b&password=secret'
expect "nor what follows a question mark" -c 5 -e '(store postgres://someone:\*\*\*@127.0.0.1:1/none)' -E secret counts
export DATABASE_URL='postgres://127.0.0.1:1/none?user=a&password=secret'
expect "also without a user" -c 5 -e '(store postgres://127.0.0.1:1/none)' -E secret counts
unset DATABASE_URL
expect "a plain path is no URL" -c 2 -e 'try: --store sqlite:some.db' counts --store some.db
expect "a store that is missing says how to make one" -c 5 -e 'tasker template put' \
    counts --store "sqlite:$place/none.db"
check "and is not made" test ! -e "$place/none.db"
echo 'this is a text and no database at all, whatever its name may say' >"$place/text.db"
expect "a file of another kind is refused" -c "$("$tasker" counts -s "sqlite:$place/text.db" \
    >/dev/null 2>&1 && echo 0 || echo $?)" -e 'text.db' counts --store "sqlite:$place/text.db"
check "with the code of a store or of what is not supported" \
    sh -c '"$1" counts -s "sqlite:$2"; [ $? = 5 ] || "$1" counts -s "sqlite:$2"; [ $? = 7 ] || [ $? = 5 ]' \
    sh "$tasker" "$place/text.db"
check "output that cannot be written is an error" \
    sh -c '"$1" --help >/dev/full; [ $? = 8 ]' sh "$tasker"
"$tasker" --help >"$place/help"
while read -r group verb; do "$tasker" "$group" $verb --help; done <"$place/commands" >>"$place/help"
check "help fits 80 columns" sh -c '! grep -E "^.{81}" "$1"' sh "$place/help"
