#!/bin/sh
# Runs a NATS server in the foreground: clients on 4222, monitoring on 8222, both on loopback only. Ctrl-C stops it.
# Looks for nats-server on PATH, then for Docker, then lets Go build the pinned module into the user's cache.
set -eu

cd "$(dirname "$0")/.."
say() { echo "nats-run: $*" >&2; }
announce() { say "clients connect to nats://localhost:4222, monitoring is http://localhost:8222; Ctrl-C stops it"; }

if command -v nats-server >/dev/null 2>&1; then
  announce
  exec nats-server -a 127.0.0.1 -p 4222 -m 8222
fi
if docker info >/dev/null 2>&1; then
  version=$(sed -n 's/^NATS=v//p' scripts/control-plane-build.sh)
  say "nats-server is not on PATH: running the image nats:$version"
  announce
  exec docker run --rm --name meshsync-nats -p 127.0.0.1:4222:4222 -p 127.0.0.1:8222:8222 "nats:$version" -m 8222
fi
if command -v go >/dev/null 2>&1; then
  folder=$(sh scripts/control-plane-build.sh nats-server)
  announce
  exec "$folder/nats-server" -a 127.0.0.1 -p 4222 -m 8222
fi
say "neither nats-server, a running Docker, nor Go is there: install one of them."
exit 1
