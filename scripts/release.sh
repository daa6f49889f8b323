#!/bin/sh
# Writes what a release publishes beside the image, into dist/:
#   meshsync-OS-ARCH.gz             the executable
#   meshsync-rootfs-OS-ARCH.tar.gz  the files of the image, for `docker import` and for whoever looks inside (Linux)
#   sbom.cdx.json                   CycloneDX: the packages of the executable, Node included
#   SHA256SUMS                      of all of them; `sha256sum -c SHA256SUMS` checks
# The same sources, Node and libraries give the same archives: names sorted, owners and times fixed.
set -eu

cd "$(dirname "$0")/.."
machine=$(node -p 'process.platform + "-" + process.arch')
rm -rf dist
mkdir dist

gzip -9nc bin/meshsync > "dist/meshsync-$machine.gz"
case "$machine" in
  linux-*)
    tar -C build/image --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf - . | gzip -9n > "dist/meshsync-rootfs-$machine.tar.gz"
    ;;
esac
node scripts/sbom.ts > dist/sbom.cdx.json
cd dist
# macOS has no sha256sum.
if command -v sha256sum >/dev/null 2>&1; then sha256sum ./*; else shasum -a 256 ./*; fi > ../build/SHA256SUMS
mv ../build/SHA256SUMS SHA256SUMS
cat SHA256SUMS
