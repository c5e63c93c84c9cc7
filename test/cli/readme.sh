# The worker in C that the README shows: built, run and drained as it says.

# block LANGUAGE TEXT: the first fenced block of a language that has the text
block() {
    awk -v language="$1" -v text="$2" '
        $0 == "```" language { inside = 1; block = ""; next }
        /^```$/ && inside { inside = 0; if (index(block, text)) { printf "%s", block; exit } }
        inside { block = block $0 "\n" }' README.md
}

mkdir -p "$place/readme"
block yaml 'name: hello' >"$place/readme/hello.yaml"
block c '#include <tasker.h>' >"$place/readme/hello.c"
block sh 'gcc hello.c' >"$place/readme/commands"
check "the README has a template, a program and commands" \
    test -s "$place/readme/hello.yaml" -a -s "$place/readme/hello.c" -a -s "$place/readme/commands"
check "its program compiles without a warning" gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror \
    "${sanitizers[@]}" -Iinclude -o "$place/readme/hello" "$place/readme/hello.c" \
    "$build/libtasker.so" -Wl,-rpath,"$PWD/$build" -pthread
(
    cd "$place/readme" || exit 1
    "$tasker" template put hello.yaml && {
        ./hello >log 2>&1 &
        hello=$!
        "$tasker" submit examples/hello --wait 20
        kill "$hello"
        wait "$hello"
        echo "ended with $?"
    }
) >"$place/readme/said" 2>&1
cp "$place/readme/said" "$place/out"
check "its template is registered" grep -q 'examples/hello:1.0.0 registered' "$place/readme/said"
check "its step is run" grep -q '^examples/hello  complete' "$place/readme/said"
check "it drains when it is asked to end" grep -qx 'ended with 0' "$place/readme/said"
check "the README names the same commands" grep -q 'tasker template put hello.yaml' "$place/readme/commands"
