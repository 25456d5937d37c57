#!/usr/bin/env bash
# TLS between agents: a server with verify_incoming, a client with a certificate of the same authority, one without.
set -uo pipefail
cd "$(dirname "$0")/../.."
. scripts/need.sh
need openssl || exit 1
. tests/lib.sh
own_network "$@"
scratch_folder

certificate() { # certificate NAME SUBJECT
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$scratch/$1.key" -out "$scratch/$1.csr" &&
		openssl x509 -req -in "$scratch/$1.csr" -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" -CAcreateserial \
			-days 30 -out "$scratch/$1.pem" \
			-extfile <(printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$2")
} >"$scratch/openssl.log" 2>&1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=authority" \
	-keyout "$scratch/ca.key" -out "$scratch/ca.pem" >"$scratch/openssl.log" 2>&1
certificate server server.dc1.consul
certificate client client.dc1.consul
tls() { # tls NAME EXTRA: a configuration with this certificate
	echo "{\"ca_file\": \"$scratch/ca.pem\", \"cert_file\": \"$scratch/$1.pem\", \"key_file\": \"$scratch/$1.key\",
		\"verify_outgoing\": true, \"verify_server_hostname\": true $2}" >"$scratch/$1.json"
}
tls server ', "verify_incoming": true'
tls client ''
client() { # client NUMBER FLAG...: a client agent at 127.0.0.NUMBER
	"$consul" agent -node "c$1" -data-dir "$scratch/c$1" -bind "127.0.0.$1" -client "127.0.0.$1" \
		-retry-join 127.0.0.1 -retry-interval 1s "${@:2}" >"$scratch/c$1.log" 2>&1 </dev/null &
}

agent server -server -bootstrap -node s -data-dir "$scratch/s" -bind 127.0.0.1 -config-file "$scratch/server.json"
client 2 -config-file "$scratch/client.json"
client 3
works() { [ "$(curl -s -m 9 -X PUT -d secret http://127.0.0.2:8500/v1/kv/a)" = true ]; }
check "a write through a client with a certificate" await 20 works
equal "a read" secret "$(curl -s "http://127.0.0.2:8500/v1/kv/a?raw")"
in_catalog() { curl -s http://127.0.0.1:8500/v1/catalog/nodes | grep -q '"c2"'; }
check "the client's own calls arrive" await 10 in_catalog
check "a snapshot is saved through it" "$consul" snapshot save -http-addr=http://127.0.0.2:8500 "$scratch/snap"
check "and restored" "$consul" snapshot restore -http-addr=http://127.0.0.2:8500 "$scratch/snap"
matches "a client without TLS is turned away" 'rpc error making call: EOF|failed to start stream' \
	"$(curl -s -m 9 -X PUT -d no http://127.0.0.3:8500/v1/kv/a)"
matches "and the server says why" 'Non-TLS connection attempted with VerifyIncoming set' "$(cat "$scratch/server.log")"
out=$("$consul" agent -server -data-dir "$scratch/x" -bind 127.0.0.9 -client 127.0.0.9 \
	-config-file <(echo '{"verify_incoming": true}') -config-format json 2>&1)
matches "without certificates it does not start" 'VerifyIncoming set, and no CA certificate provided!' "$out"
closing
