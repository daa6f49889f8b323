#!/bin/sh
# The three steps of the integration tests.
#   setup    finds a control plane and a nats-server and writes them to build/integration.env:
#              KIND         assets (KUBEBUILDER_ASSETS) | kind (a cluster in Docker) | cache (built by Go)
#              FOLDER       the folder of etcd, kube-apiserver, kubectl (assets, cache)
#              KUBECONFIG   of the cluster that setup started (kind)
#              NATS_SERVER  the path of the program
#            For assets and cache nothing is started here: each test file starts its own servers on free ports and stops them.
#   run      runs the test files whose name contains Integration; a skipped test is a failure.
#   cleanup  deletes the cluster that setup started, if it did.
set -eu

cd "$(dirname "$0")/.."
found=build/integration.env
cluster=meshsync-integration
say() { echo "integration tests: $*" >&2; }

setup_control_plane() {
  if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    for program in etcd kube-apiserver kubectl; do
      [ -x "$KUBEBUILDER_ASSETS/$program" ] || { say "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has no $program."; exit 1; }
    done
    kind=assets folder=$KUBEBUILDER_ASSETS kubeconfig=""
  elif command -v kind >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
    kubeconfig=$PWD/build/kind.kubeconfig
    if kind get clusters 2>/dev/null | grep -qx "$cluster"; then
      kind export kubeconfig --name "$cluster" --kubeconfig "$kubeconfig"
    else
      kind create cluster --name "$cluster" --kubeconfig "$kubeconfig" --wait 180s
    fi
    kind=kind folder=""
  elif command -v go >/dev/null 2>&1; then
    folder=$(sh scripts/control-plane-build.sh)
    kind=cache kubeconfig=""
  else
    say "no control plane: set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl, or start Docker and install kind, or install Go."
    exit 1
  fi
}

setup_nats() {
  if command -v nats-server >/dev/null 2>&1; then
    nats=$(command -v nats-server)
  elif [ -n "$folder" ] && [ -x "$folder/nats-server" ]; then
    nats=$folder/nats-server
  elif command -v go >/dev/null 2>&1; then
    nats=$(sh scripts/control-plane-build.sh nats-server)/nats-server
  else
    say "no nats-server: put it on PATH, or install Go, which builds it."
    exit 1
  fi
}

case "${1:-}" in
  setup)
    mkdir -p build
    rm -f "$found"
    setup_control_plane
    setup_nats
    printf "KIND='%s'\nFOLDER='%s'\nKUBECONFIG='%s'\nNATS_SERVER='%s'\n" "$kind" "$folder" "$kubeconfig" "$nats" > "$found"
    say "control plane: $kind ${folder:-$kubeconfig}; $("$nats" --version)"
    ;;
  run)
    [ -f "$found" ] || { say "nothing is set up: run make integration-tests-setup first."; exit 1; }
    set -a
    . "./$found"
    set +a
    [ -n "$KUBECONFIG" ] || unset KUBECONFIG
    rm -f build/integration.json
    code=0
    INTEGRATION=1 vitest run --project integration --reporter verbose --reporter json --outputFile.json=build/integration.json || code=$?
    node scripts/totals.ts --no-skips integration || code=1
    exit $code
    ;;
  cleanup)
    if [ -f "$found" ] && grep -q "^KIND='kind'" "$found"; then
      kind delete cluster --name "$cluster"
    fi
    rm -f "$found" build/kind.kubeconfig
    ;;
  *)
    say "usage: integration.sh setup | run | cleanup"
    exit 2
    ;;
esac
