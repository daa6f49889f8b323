#!/bin/sh
# Builds the programs that the integration tests run against, from pinned Go modules, into the user's cache.
# A program that is already there is not built again. Prints the folder of the binaries as its last line.
#
#   kube-apiserver, kube-controller-manager, kube-scheduler, kubectl, etcd, kwok, nats-server
#
# With the word nats-server as argument it builds that one only.
# About 10 minutes on 2 cores with an empty Go cache; nothing when all are there.
set -eu

KUBERNETES=v1.37.2
ETCD=v3.7.3
KWOK=v0.8.0
NATS=v2.15.2

here=$(cd "$(dirname "$0")/../test/integration/controlplane" && pwd)
bin="${XDG_CACHE_HOME:-$HOME/.cache}/meshsync/controlplane-$KUBERNETES-$ETCD-$KWOK-$NATS"
mkdir -p "$bin"

say() { echo "control plane: $*" >&2; }

if ! command -v go >/dev/null 2>&1; then
  say "Go 1.26 is needed to build the control plane, and 'go' is not on PATH."
  say "Install Go, or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl."
  exit 1
fi

# build NAME FOLDER PACKAGE [LDFLAGS]: one program out of the pinned module in FOLDER.
build() {
  [ -x "$bin/$1" ] && return 0
  say "building $1 ($3)"
  (cd "$here/$2" && go build -mod=mod -trimpath -ldflags "-s -w ${4:-}" -o "$bin/$1.part" "$3")
  mv "$bin/$1.part" "$bin/$1"
}

stamp=k8s.io/component-base/version
minor=${KUBERNETES#v1.}
minor=${minor%%.*}
version="-X $stamp.gitVersion=$KUBERNETES -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor"

if [ ! -x "$bin/nats-server" ]; then
  say "building nats-server"
  GOBIN="$bin" go install -trimpath -ldflags "-s -w" "github.com/nats-io/nats-server/v2@$NATS"
fi
if [ "${1:-}" = nats-server ]; then
  echo "$bin"
  exit 0
fi
build etcd etcd go.etcd.io/etcd/server/v3
for program in kube-apiserver kube-controller-manager kube-scheduler kubectl; do
  build "$program" kubernetes "k8s.io/kubernetes/cmd/$program" "$version"
done
build kwok kwok sigs.k8s.io/kwok/cmd/kwok
if [ ! -f "$bin/kwok-stages.yaml" ]; then
  stages=$(cd "$here/kwok" && go list -mod=mod -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage
  for folder in node/fast node/heartbeat pod/fast; do
    for file in "$stages/$folder"/*.yaml; do
      case "$file" in */kustomization.yaml) continue ;; esac
      echo "---"
      cat "$file"
    done
  done > "$bin/kwok-stages.part"
  mv "$bin/kwok-stages.part" "$bin/kwok-stages.yaml"
fi
echo "$bin"
