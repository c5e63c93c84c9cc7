# A server that is not there, not ours, or does not let us in; keys; TLS; streams that break.

over=server
new_store
url=$TASKER_SERVER
unset TASKER_SERVER
task=$("$tasker" submit cli/chain --server "$url")
expect "--server names a server" -j '.tasks | length == 1' list --server "$url" --json
expect "with or without a slash" -j '.tasks | length == 1' list --server "$url/" --json
export TASKER_SERVER=$url
expect "so does TASKER_SERVER" -j '.task_uuid == "'"$task"'"' show last --json
expect "--store wins over it" -c 5 -e nowhere.db list --store sqlite:nowhere.db
expect "a store and a server are one too many" -c 2 -e 'which of them' list --store sqlite:x --server "$url"
expect "store commands want a store" -c 2 -e 'store check works on a store' -e 'try: tasker store check --store' \
    store check --server "$url"
expect "and find it beside TASKER_SERVER" -j .ok store check --json
expect "many requests at once" -j 'length == 2' submit --json -r \
    '[{"name":"chain","namespace":"cli","context":{"a":
1}},{"name":"slow","namespace":"cli","context":{"n":18446744073709551616}}]'
expect "an error in one of them has its place" -c 2 -e '^tasker: \[1\].context.n' submit -r \
    '[{"name":"chain","namespace":"cli","context":{}},{"name":"slow","namespace":"cli","context":{"n":"x"}}]'
expect "a template is registered" -o 'cli/chain:1.0.0 registered' template put test/cli/templates/chain.yaml
expect "a folder of them" -o 'cli/slow:2.1 registered' template put test/cli/templates
expect "one with errors is told with its file" -c 1 -o 'bad.yaml:1:1: error' template put \
    "$(echo 'name: 1' >"$place/bad.yaml" && echo "$place/bad.yaml")"
expect "the version registered last is found" -o 'cli/slow:2.1' template show cli/slow
expect "a template drawn" -o '│ flaky │' graph cli/slow
expect "the settings are those of the server" -o '^listen	127.0.0.1:0	flag	' config show
expect "it is healthy" -o '^healthy$' health --server "$url"
expect "so is a store" -o '^healthy$' health --store "$TASKER_STORE"
expect "nobody there is not" -c 5 health --server http://127.0.0.1:1
expect "its health is told" -c 1 -o "^ok	server	$url answers, version " doctor

expect "nobody there" -c 5 -e '^tasker: no server answers at http://127.0.0.1:1$' -e 'try: tasker serve' \
    list --server http://127.0.0.1:1
expect "as JSON" -c 5 -j '.error.status == "store" and .error.exit_code == 5' list --server http://127.0.0.1:1 --json
expect "a name that is not known" -c 5 -e 'the name in http://nobody.invalid is not known' \
    list --server http://nobody.invalid
expect "an address without http" -c 2 -e 'try: --server http://127.0.0.1:80$' list --server 127.0.0.1:80
expect "an address with a user" -c 2 list --server http://a:b@127.0.0.1:80
expect "no TLS where it is wanted" -c 5 -e 'does not speak TLS' list --server "https://${url#http://}"
expect "another path of it" -c 3 -e '.' show "$task" --server "$url/elsewhere"

# Another program that answers.
mkdir -p "$place/www"
python3 -u -m http.server --bind 127.0.0.1 --directory "$place/www" 0 >"$place/www.log" 2>&1 &
other=$!
for _ in $(seq 50); do grep -q 'port [0-9]' "$place/www.log" && break; sleep 0.1; done
port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$place/www.log" | head -1)
expect "a server of something else" -c 5 -e 'does not answer as a server of Tasker \(HTTP 404\)' \
    list --server "http://127.0.0.1:$port"
kill "$other"
wait "$other" 2>/dev/null

# One that answers nonsense: every command ends by itself, with a code of its own.
nonsense=(
    'null' '[]' '{}' '"text"' '17' '' '{' '{"tasks":[1,null,{"task_uuid":5,"steps":7}]}'
    '{"error":{"code":7}}' '[{"worker_id":-1,"handlers":{},"steps":[{}],"name":null}]'
    '{"tasks":{"running":"x"},"steps":[],"queues":[{},1,{"ready":1e400}]}'
    '{"name":"a\u0001","steps":[{"name":"a","dependencies":["a","b",1]},{"name":"a","dependencies":["a"]}]}'
    '{"steps":[{"name":"a","dependencies":["b"]},{"name":"b","dependencies":["a"]}],"text":"x","moves":7}'
    "$(printf '{"task_uuid":"\xff\xfe","state":"\\u001b[2J"}')" "$(printf '[%.0s' {1..200})"
    "$(printf 'id: 1\ndata: {"kind":"task"}\n\nid\ndata\n\nid: 2\ndata: [1]\n\ndata:{\n\n')"
)
uuid=01890000-0000-7000-8000-000000000000
crashed=0
for document in "${nonsense[@]}"; do
    printf '%s' "$document" >"$place/junk"
    : >"$place/junk.port"
    python3 test/cli/junk.py "$place/junk" >"$place/junk.port" &
    junk=$!
    for _ in $(seq 100); do
        [ -s "$place/junk.port" ] && break
        sleep 0.05
    done
    while read -r -a words; do
        timeout 0.7 "$tasker" "${words[@]}" --server "http://127.0.0.1:$(cat "$place/junk.port")" \
            >"$place/out" 2>"$place/err" </dev/null
        got=$?
        if [ "$got" -gt 8 ] && [ "$got" != 124 ]; then
            crashed=1
            bad "nonsense: $document" "tasker ${words[*]}: $got"
        fi
        if grep -aq $'\x1b' "$place/out" "$place/err"; then
            crashed=1
            bad "nonsense is shown harmless: $document" "tasker ${words[*]}"
        fi
    done <<END
list
list --json
show $uuid
history $uuid
step show 01890000-0000-7000-8000-000000000001
submit cli/chain
submit --request [{}]
template list
template show cli/chain
template graph cli/chain:1
template put test/cli/templates/chain.yaml
worker list
counts
why $uuid
top
top --json --count 1
watch --limit 1
doctor
config show
cancel $uuid
rerun $uuid
show last
wait $uuid --timeout 0
END
    kill "$junk"
    wait "$junk" 2>/dev/null
done
check "nonsense crashes no command, and is shown harmless" test "$crashed" = 0

# Keys.
reader=$("$tasker" key create --name reader --permissions tasks:list 2>/dev/null)
server_stop
server_start
expect "a key is needed" -c 5 -e 'try: TASKER_API_KEY or --key-file FILE' list
export TASKER_API_KEY=tsk_0000000000000000000000000000000000000000000000000000000000000000
expect "a wrong one is none" -c 5 -e 'try: another key' list
export TASKER_API_KEY=$reader
expect "the right one lets in" -j '.tasks | length == 3' list --json
expect "as far as it goes" -c 5 -e 'try: a key with that permission' cancel "$task"
unset TASKER_API_KEY
echo "$reader" >"$place/key"
expect "a key in a file" -j '.tasks | length == 3' list --json --key-file "$place/key"
expect "a file that is not there" -c 3 -e nokey list --key-file "$place/nokey"
printf 'tsk_1\r\nX-Evil: 1' >"$place/key"
expect "a key with a line break is none" -c 2 -e 'holds no API key' list --key-file "$place/key"
: >"$place/key"
expect "an empty one neither" -c 2 -e 'holds no API key' list --key-file "$place/key"
other=$("$tasker" key create --name other --permissions 'tasks:*,steps:*' --namespace elsewhere 2>/dev/null)
export TASKER_API_KEY=$other
expect "of another namespace there is nothing to see" -j '.tasks == []' list --json
expect "a task of it is not there" -c 3 show "$task"
TASKER_API_KEY=$("$tasker" key create --name all -p 'tasks:*' -p 'steps:*' -p 'templates:*' -p 'system:*' 2>/dev/null)
expect "the actor is the key's name" -o cancelled cancel "$task" --by somebody --reason 'not wanted'
expect "whoever says otherwise" -o 'all: not wanted' -O somebody history "$task"

# A stream that breaks goes on behind its last event.
listen=${TASKER_SERVER#http://}
timeout 30 "$tasker" watch --kind task --limit 2 >"$place/events" 2>"$place/watch.err" &
watching=$!
sleep 0.7
first=$(submit cli/chain)
sleep 0.5
server_stop
second=$(submit cli/slow) # on the store, while no server runs
sleep 1.5
server_start
listen=
wait "$watching"
cp "$place/events" "$place/out"
check "no event is lost when the server starts anew" test \
    "$(sed 's/.*\t//' "$place/events" | tr '\n' ' ')" = "$first $second "
check "the gap is told" grep -q 'has ended; again in' "$place/watch.err"

# One whose key is revoked ends, when it breaks, with what the server says.
TASKER_API_KEY=$("$tasker" key create --name brief -p tasks:list 2>/dev/null) timeout 30 "$tasker" watch \
    >"$place/events" 2>"$place/watch.err" &
watching=$!
sleep 0.7
"$tasker" key revoke brief >/dev/null
listen=${TASKER_SERVER#http://}
server_stop
server_start
listen=
wait "$watching"
check "a key that was revoked ends a stream" test $? = 5
cp "$place/watch.err" "$place/err"
check "with what the server says" grep -q 'try: another key' "$place/watch.err"
server_stop
expect "nobody to be followed" -c 5 -e 'no server answers' watch --server http://127.0.0.1:1

# TLS.
if command -v openssl >/dev/null; then
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$place/tls.key" -out "$place/tls.crt" -days 2 \
        -subj /CN=localhost -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' 2>/dev/null
    server_start --tls-cert "$place/tls.crt" --tls-key "$place/tls.key"
    expect "a certificate that nobody vouches for" -c 5 -e 'is not trusted' -e 'try: TASKER_CA_FILE=FILE' list
    export TASKER_CA_FILE=$place/tls.crt
    expect "one that is trusted" -j '.tasks | length > 0' list --json
    TASKER_CA_FILE=$place/none expect "a file of certificates that is not there" -c 5 list
    unset TASKER_CA_FILE
    server_stop
fi
unset TASKER_STORE TASKER_API_KEY
