# key create, list, revoke.

new_store
expect "a store has no keys at first" -j '. == []' key list --json
expect "a key is shown" -o '^tsk_[0-9a-f]{64}$' -e 'keep it now' key create --name shop --by me \
    --permissions tasks:create,tasks:read
expect "as JSON, with its namespace" \
    -j '.secret[0:4] == "tsk_" and .namespace == "orders" and .permissions == ["tasks:*","steps:read"]' \
    key create -n ops -p 'tasks:*' -p steps:read -N orders --json
expect "keys are listed, their secrets are not" -o '^1	shop	in force	all	' -o '	tasks:create, tasks:read$' \
    -O tsk_ key list
expect "who made it is kept" -j '.[0].created_by == "me"' key list --json
expect "a name is taken once" -c 4 -e '^tasker: --name shop: ' -e 'try: tasker key list' \
    key create -n shop -p 'tasks:*'
expect "a permission that is none is told with all" -c 2 -e 'tasks:raed.*no such permission.*tasks:read' \
    key create -n other -p tasks:raed
expect "no permission" -c 2 -e 'needs --name and --permissions' key create -n other
expect "an empty one" -c 2 key create -n other -p ,
expect "no name" -c 2 -e 'needs --name and --permissions' key create -p 'tasks:*'
expect "a key is revoked" -o '^shop  revoked$' key revoke shop --reason 'was in a log'
expect "it stays in the list" -o '^1	shop	revoked	' key list
expect "with the reason" -j '.[0].revoked_reason == "was in a log"' key list --json
expect "its name is free again" -o tsk_ key create -n shop -p tasks:read
expect "a key is revoked by its number" -j '.revoked == 1' key revoke 2 --json
expect "once" -c 4 key revoke 2
expect "a key that there is not" -c 3 -e 'no such key' key revoke nobody
expect "keys are the store's, not a server's" -c 2 -e 'works on a store' key list --server http://127.0.0.1:1
unset TASKER_STORE
