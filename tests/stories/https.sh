#!/usr/bin/env bash
# HTTPS: an agent with a certificate of a company's own authority; with verify_incoming_https only its clients come in.
set -uo pipefail
cd "$(dirname "$0")/../.."
. scripts/need.sh
need openssl || exit 1
. tests/lib.sh
own_network "$@"
scratch_folder
url=https://localhost:8501/v1
fetch() { curl -sS -m 10 --cacert "$scratch/ca.pem" "$@" 2>&1; }
as() { fetch --cert "$scratch/$1.pem" --key "$scratch/$1.key" "${@:2}"; }

# certificate NAME KEY...: signed by the authority; `stranger` by himself.
certificate() {
	openssl req -newkey "${@:2}" -nodes -subj "/CN=$1" -keyout "$scratch/$1.key" -out "$scratch/$1.csr" &&
		openssl x509 -req -in "$scratch/$1.csr" -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" -CAcreateserial \
			-days 30 -out "$scratch/$1.pem" \
			-extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth,clientAuth\n')
} >"$scratch/openssl.log" 2>&1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=authority" \
	-keyout "$scratch/ca.key" -out "$scratch/ca.pem" >"$scratch/openssl.log" 2>&1
certificate rsa rsa:2048
certificate ec ec -pkeyopt ec_paramgen_curve:P-256
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=stranger" -keyout "$scratch/stranger.key" \
	-out "$scratch/stranger.pem" >"$scratch/openssl.log" 2>&1

start() { # start CERTIFICATE VERIFY
	cat >"$scratch/tls.json" <<EOF
{"ports": {"https": 8501}, "cert_file": "$scratch/$1.pem", "key_file": "$scratch/$1.key", "ca_file": "$scratch/ca.pem",
 "verify_incoming_https": $2}
EOF
	agent "$1" -dev -bind 127.0.0.1 -config-file "$scratch/tls.json"
}

start rsa false
matches "says where it listens" 'Started HTTPS server on 127.0.0.1:8501 \(tcp\)' "$(cat "$scratch/rsa.log")"
equal "a write" true "$(fetch -X PUT -d secret $url/kv/a)"
equal "a read" secret "$(fetch "$url/kv/a?raw")"
equal "the same over HTTP" secret "$(curl -s "http://127.0.0.1:8500/v1/kv/a?raw")"
matches "who does not know the authority is warned" 'SSL|issuer' "$(curl -sS -m 5 $url/status/leader 2>&1)"
head -c 400000 /dev/urandom >"$scratch/big"
equal "a long value goes in" true "$(fetch -X PUT --data-binary @"$scratch/big" $url/kv/big)"
check "and out" cmp "$scratch/big" <(fetch "$url/kv/big?raw")
equal "a hundred on one connection" 100 "$(fetch $(printf "$url/kv/a?raw&n=%d " $(seq 100)) | grep -o secret | wc -l)"
index=$(fetch -D - -o /dev/null $url/kv/a | tr -d '\r' | sed -n 's/^X-Consul-Index: //p')
fetch "$url/kv/a?raw&index=$index&wait=10s" >"$scratch/blocked" &
blocked=$!
sleep 0.3
fetch -X PUT -d changed $url/kv/a >/dev/null
wait $blocked
equal "a blocking query" changed "$(cat "$scratch/blocked")"
equal "the command" changed "$("$consul" kv get -http-addr https://localhost:8501 -ca-file "$scratch/ca.pem" a)"
ours() { "$consul" kv get -http-addr "$1" -ca-file "$scratch/ca.pem" "${@:2}" a 2>&1; }
equal "at an address that is in the certificate" changed "$(ours https://127.0.0.1:8501)"
matches "not at another" 'x509: certificate is not valid' "$(ours https://127.0.0.1:8501 -tls-server-name 127.0.0.2)"
curl -s -m 2 http://127.0.0.1:8501/v1/status/leader >/dev/null
check "one who speaks plainly there does no harm" fetch -f $url/status/leader
kill -INT $agent_pid
check "the end" within 30 ended $agent_pid

start ec true
check "a client of the authority comes in" as rsa -f $url/status/leader
check "whatever his key" as ec -f $url/status/leader
check "one without a certificate does not" sh -c "! curl -s -m 5 --cacert $scratch/ca.pem $url/status/leader"
mine() { ours https://localhost:8501 -client-cert "$scratch/$1.pem" -client-key "$scratch/$2.key"; }
"$consul" kv put a known >/dev/null
equal "the command shows its certificate, too" known "$(mine rsa rsa)"
equal "of either kind" known "$(mine ec ec)"
lacks "that of a stranger does not help" known "$(mine stranger stranger)"
matches "nor one without its key" 'Error connecting to Consul agent: open .*/nowhere.key: no such file' "$(mine ec nowhere)"
lacks "nor a stranger" 8300 "$(as stranger $url/status/leader)"
kill -INT $agent_pid
check "the end" within 30 ended $agent_pid

# Checks over HTTPS: of this same agent, who wants to know his clients.
self() { # self NAME OPTIONS: an agent that checks itself
	cat >"$scratch/$1.json" <<EOF
{"ports": {"https": 8501}, "cert_file": "$scratch/ec.pem", "key_file": "$scratch/ec.key", "ca_file": "$scratch/ca.pem",
 "verify_incoming_https": true, $2
 "check": {"id": "self", "name": "self", "http": "https://localhost:8501/v1/agent/self", "interval": "100ms"}}
EOF
	agent "$1" -dev -bind 127.0.0.1 -config-file "$scratch/$1.json"
}
self plain ""
check "a check does not know the authority" await 5 sh -c "curl -s http://127.0.0.1:8500/v1/agent/checks | grep -q x509"
kill -INT $agent_pid
within 30 ended $agent_pid
self tls '"enable_agent_tls_for_checks": true,'
check "with the agent's TLS it passes" await 5 sh -c "curl -s http://127.0.0.1:8500/v1/agent/checks | grep -q '200 OK'"
kill -INT $agent_pid
check "the end" within 30 ended $agent_pid

refused() { "$consul" agent -dev -bind 127.0.0.1 -config-file "$scratch/tls.json" 2>&1; }
echo '{"ports": {"https": 8501}, "cert_file": "/nowhere.pem", "key_file": "/nowhere.key"}' >"$scratch/tls.json"
matches "a certificate that is not there" 'Failed to load cert/key pair: open /nowhere.pem: no such file' "$(refused)"
echo '{"ports": {"https": 8501}, "ca_file": "/nowhere.pem"}' >"$scratch/tls.json"
matches "an authority that is not there" 'Error loading CA File: open /nowhere.pem: no such file' "$(refused)"
closing
