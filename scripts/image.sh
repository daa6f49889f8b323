#!/bin/sh
# Builds or runs the container image with whatever is there: image.sh build|run IMAGE
set -eu

cd "$(dirname "$0")/.."
say() { echo "image: $*" >&2; }
action=${1:?build or run}
image=${2:?name of the image}

# A client without its daemon is of no use, so each is asked for an answer, not for its presence.
if docker info >/dev/null 2>&1; then
  tool=docker
elif podman info >/dev/null 2>&1; then
  tool=podman
elif [ "$action" = build ] && buildah info >/dev/null 2>&1; then
  tool="buildah"
else
  say "no working Docker, Podman or Buildah here: start or install one of them."
  exit 1
fi

case "$action" in
  build)
    exec $tool build --build-arg "GIT_VERSION=${GIT_VERSION:-}" --build-arg "GIT_COMMITSHA=${GIT_COMMITSHA:-}" -t "$image" .
    ;;
  run)
    kubeconfig=${KUBECONFIG:-$HOME/.kube/config}
    [ -r "$kubeconfig" ] || { say "no kubeconfig at $kubeconfig: set KUBECONFIG."; exit 1; }
    exec $tool run --rm -it --network host --user "$(id -u)" -e HOME=/tmp -e KUBECONFIG=/kubeconfig -e "BROKER_URL=$BROKER_URL" \
      -v "$kubeconfig:/kubeconfig:ro" "$image"
    ;;
  *)
    say "usage: image.sh build|run IMAGE"
    exit 2
    ;;
esac
