#!/bin/sh
# Builds the oldest API server that the integration tests are run against, six minor versions behind the newest, the same way.
# Prints a folder with it and with the other programs as its last line:
#   KUBEBUILDER_ASSETS=$(sh scripts/control-plane-oldest.sh) make integration-tests
# Without controllers and kubelets, which may not be newer than the API server: the tests write what they would.
set -eu

KUBERNETES=v1.31.14

here=$(cd "$(dirname "$0")/.." && pwd)
newest=$(sh "$here/scripts/control-plane-build.sh" | tail -n 1)
bin="$(dirname "$newest")/kube-apiserver-$KUBERNETES"
mkdir -p "$bin"

if [ ! -x "$bin/kube-apiserver" ]; then
  echo "control plane: building kube-apiserver $KUBERNETES" >&2
  stamp=k8s.io/component-base/version
  minor=${KUBERNETES#v1.}
  cd "$here/test/integration/controlplane/kubernetes-oldest"
  go build -mod=mod -trimpath -o "$bin/kube-apiserver.part" \
    -ldflags "-s -w -X $stamp.gitVersion=$KUBERNETES -X $stamp.gitMajor=1 -X $stamp.gitMinor=${minor%%.*}" k8s.io/kubernetes/cmd/kube-apiserver
  mv "$bin/kube-apiserver.part" "$bin/kube-apiserver"
fi
for program in etcd kubectl nats-server; do ln -sf "$newest/$program" "$bin/$program"; done
echo "$bin"
