#!/usr/bin/env bash
# Story 6, why Consul, on one server: locks by sessions, consistency modes, `consul watch` and `consul lock`, script checks
# with Nagios exit codes, HTTP, TCP and TTL checks; an instance that fails disappears from DNS and from ?passing.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
own_network "$@"
scratch_folder
api=http://127.0.0.1:8500/v1
put() { curl -s -m 5 -X PUT "$api$1" -d "${2:-}"; }
get() { curl -s -m 15 "$api$1"; }
instances() { get "/health/service/$1?passing" | grep -o '"ServiceID"\|"Service": *"'"$1"'"' | grep -c '"Service":'; }
dns() { dig +short @127.0.0.1 -p 8600 "$1.service.consul" | sort | paste -sd' '; }
is() { [ "$("${@:2}")" = "$1" ]; } # is TEXT COMMAND...
status_of() { get "/health/checks/$1" | grep -o '"Status": *"[a-z]*"' | cut -d'"' -f4; }

echo 0 >"$scratch/code"
printf '#!/bin/sh\necho "state $(cat %s/code)"\nexit $(cat %s/code)\n' "$scratch" "$scratch" >"$scratch/check.sh"
chmod +x "$scratch/check.sh"
mkdir "$scratch/conf"
cat >"$scratch/conf/script.json" <<EOF
{"enable_script_checks": true, "service": {"name": "script", "port": 1000,
 "check": {"args": ["$scratch/check.sh"], "interval": "200ms"}}}
EOF
watches() { # watches KEY: what is done when it changes, by a program, by a shell and over HTTP
	cat >"$scratch/conf/watch.json" <<EOF
{"watches": [
 {"type": "key", "key": "$1", "args": ["sh", "-c", "(cat; echo index \$CONSUL_INDEX) >>$scratch/handler.$1"]},
 {"type": "key", "key": "$1", "handler": "cat >>$scratch/shell.$1; exit 1"},
 {"type": "key", "key": "$1", "handler_type": "http",
  "http_handler_config": {"path": "$api/kv/copy/$1", "method": "PUT", "timeout": "5s"}}]}
EOF
}
watches watched
agent a -dev -bind 127.0.0.1 -config-dir "$scratch/conf"

# A lock by a session: who holds it, who waits, who gets it next.
session() { put /session/create "$1" | grep -o '[0-9a-f-]\{36\}'; }
first=$(session '{"Name": "first", "LockDelay": "0s"}') second=$(session '{"Name": "second", "LockDelay": "0s"}')
equal "the first takes the lock" true "$(put "/kv/leader?acquire=$first" one)"
equal "the second does not" false "$(put "/kv/leader?acquire=$second" two)"
for mode in default consistent stale; do
	matches "all see who leads: $mode" "\"Session\": *\"$first\"" "$(get "/kv/leader?$mode")"
done
index=$(get /kv/leader | grep -o '"ModifyIndex": *[0-9]*' | grep -o '[0-9]*$')
get "/kv/leader?index=$index&wait=10s" >"$scratch/blocked" &
blocked=$!
sleep 0.2
put "/session/destroy/$first" >/dev/null
wait $blocked
lacks "those who wait are told when the session goes" Session "$(cat "$scratch/blocked")"
equal "the second takes it now" true "$(put "/kv/leader?acquire=$second" two)"

# `consul lock` holds while its child runs.
"$consul" lock -verbose jobs "echo one >>$scratch/order; sleep 0.6; echo one >>$scratch/order" >"$scratch/lock1" 2>&1 &
lock1=$!
await 5 test -s "$scratch/order"
"$consul" lock jobs "echo two >>$scratch/order" >"$scratch/lock2" 2>&1
equal "consul lock" 0 $?
wait $lock1
equal "one after the other" "one one two" "$(paste -sd' ' "$scratch/order")"

# A watch on the command line and some of the configuration.
"$consul" watch -type=key -key=watched cat >"$scratch/watch" 2>&1 &
watch=$!
sleep 0.3
put /kv/watched hello >/dev/null
check "consul watch runs its command" await 5 grep -q '"Value":"aGVsbG8="' "$scratch/watch"
kill $watch
check "a watch of the configuration runs its handler" await 5 grep -q '"Value":"aGVsbG8="' "$scratch/handler.watched"
index=$(get /kv/watched | grep -o '"ModifyIndex": *[0-9]*' | grep -o '[0-9]*$')
check "with the index" await 5 grep -qx "index $index" "$scratch/handler.watched"
check "so does one in a shell" await 5 grep -q '"Value":"aGVsbG8="' "$scratch/shell.watched"
check "and its failure is told" await 5 grep -q "Failed to run watch handler 'cat .*': exit status 1" "$scratch/a.log"
check "and one over HTTP" await 5 sh -c "curl -s '$api/kv/copy/watched?raw' | grep -q '\"Value\":\"aGVsbG8=\"'"
watches other
kill -HUP $agent_pid
check "a reload brings other watches" await 5 grep -q null "$scratch/handler.other"
put /kv/watched again >/dev/null
put /kv/other hello >/dev/null
check "they run" await 5 grep -q '"Value":"aGVsbG8="' "$scratch/handler.other"
lacks "the former do not" YWdhaW4= "$(cat "$scratch/handler.watched")"

# Nagios exit codes, in the catalog, in DNS and with ?passing.
check "0 is passing" await 5 is passing status_of script
equal "it is in DNS" 127.0.0.1 "$(dns script)"
equal "it is among the passing" 1 "$(instances script)"
echo 1 >"$scratch/code"
check "1 is warning" await 5 is warning status_of script
equal "still in DNS" 127.0.0.1 "$(dns script)"
equal "not among the passing" 0 "$(instances script)"
echo 2 >"$scratch/code"
check "2 is critical" await 5 is critical status_of script
matches "its words" '"Output": *"state 2\\n"' "$(get /agent/checks)"
equal "gone from DNS" "" "$(dns script)"
echo 0 >"$scratch/code"
check "and back" await 5 is passing status_of script

# Two instances of a service, watched over HTTP and TCP; one of them dies.
mkdir "$scratch/www"
(cd "$scratch/www" && exec python3 -m http.server --bind 127.0.1.1 8080 >/dev/null 2>&1) &
server1=$!
(cd "$scratch/www" && exec python3 -m http.server --bind 127.0.1.2 8080 >/dev/null 2>&1) &
await 5 curl -s 127.0.1.1:8080
await 5 curl -s 127.0.1.2:8080
put /agent/service/register '{"ID":"w1","Name":"web","Address":"127.0.1.1","Port":8080,
	"Check":{"HTTP":"http://127.0.1.1:8080/","Interval":"200ms","Timeout":"1s"}}' >/dev/null
put /agent/service/register '{"ID":"w2","Name":"web","Address":"127.0.1.2","Port":8080,
	"Check":{"TCP":"127.0.1.2:8080","Interval":"200ms","Timeout":"1s"}}' >/dev/null
check "both are found" await 5 is "127.0.1.1 127.0.1.2" dns web
equal "both pass" 2 "$(instances web)"
kill $server1
check "the dead one disappears from DNS" await 5 is 127.0.1.2 dns web
equal "and from the passing" 1 "$(instances web)"
matches "SRV has the one that is left" '^1 1 8080 7f000102\.addr\.dc1\.consul\.$' "$(dig +short @127.0.0.1 -p 8600 web.service.consul SRV)"

# A TTL check: nobody reports, it fails.
put /agent/service/register '{"Name":"beat","Check":{"TTL":"500ms"}}' >/dev/null
put /agent/check/pass/service:beat >/dev/null
check "told, it passes" await 5 is passing status_of beat
check "untold, it fails" await 5 is critical status_of beat
matches "and says so" 'TTL expired' "$(get /agent/checks)"

# A session that hangs on a check falls with it, and its lock with it.
put /agent/service/register '{"Name":"job","Check":{"TTL":"30s","Status":"passing"}}' >/dev/null
await 5 is passing status_of job
bound=$(session '{"Checks":["serfHealth","service:job"],"LockDelay":"0s"}')
equal "a lock that hangs on a check" true "$(put "/kv/hangs?acquire=$bound" x)"
put /agent/check/fail/service:job >/dev/null
check "falls with it" await 5 sh -c "! curl -s $api/kv/hangs | grep -q Session"

kill -INT $agent_pid
check "the end" within 30 ended $agent_pid
closing
