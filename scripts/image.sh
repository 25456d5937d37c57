#!/usr/bin/env bash
# image.sh BINARY OUT: an image archive for `docker load`: FROM scratch, the one binary at /consul as entry point. Needs no
# Docker engine: an image is a tar of tars and a few lines of JSON (Docker Image Specification v1.2).
set -euo pipefail
binary=$1 out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Reproducible: no names, no times. /tmp and /data are there for the agent and its volumes.
mkdir -p "$work/root/data" "$work/root/tmp"
chmod 1777 "$work/root/tmp"
install -m 0755 "$binary" "$work/root/consul"
tar -C "$work/root" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf "$work/layer.tar" consul data tmp
layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)

case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
*) arch=$(uname -m) ;;
esac
cat >"$work/config.json" <<EOF
{"architecture":"$arch","os":"linux","created":"1970-01-01T00:00:00Z",
"config":{"Entrypoint":["/consul"],"Cmd":["agent","-dev","-client","0.0.0.0"],"Env":["PATH=/"],"WorkingDir":"/",
"ExposedPorts":{"8300/tcp":{},"8301/tcp":{},"8301/udp":{},"8302/tcp":{},"8302/udp":{},"8400/tcp":{},"8500/tcp":{},"8600/tcp":{},"8600/udp":{}}},
"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]},
"history":[{"created":"1970-01-01T00:00:00Z","created_by":"build.sh image"}]}
EOF
config=$(sha256sum "$work/config.json" | cut -d' ' -f1)
mkdir "$work/image"
mv "$work/config.json" "$work/image/$config.json"
mkdir "$work/image/$layer"
mv "$work/layer.tar" "$work/image/$layer/layer.tar"
printf '1.0' >"$work/image/$layer/VERSION"
printf '{"id":"%s"}' "$layer" >"$work/image/$layer/json"
printf '[{"Config":"%s.json","RepoTags":["consul:latest"],"Layers":["%s/layer.tar"]}]' "$config" "$layer" >"$work/image/manifest.json"
printf '{"consul":{"latest":"%s"}}' "$layer" >"$work/image/repositories"
tar -C "$work/image" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf "$out" .
