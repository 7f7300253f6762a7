#!/bin/sh
# Renew the API reference that the pages load: one file of @scalar/api-reference, compressed. Needs npm.
#   requirements/api-reference.sh
# To take another release, change the version and the checksum, and look at both references in a browser.
set -eu
cd "$(dirname "$0")/.."
version=1.76.0
checksum=dcb027152bf20bf2f6dcd66e8f9fb073c1a9e274cf0b94b939a7d99ab8947060
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Always with its version: npm takes an older release in silence where the newest needs a newer Node.js.
npm pack --silent --pack-destination "$folder" "@scalar/api-reference@$version" >/dev/null
tar -xzf "$folder"/*.tgz -C "$folder" package/dist/browser/standalone.js
echo "$checksum  $folder/package/dist/browser/standalone.js" | sha256sum --check --quiet
gzip -9 -n -c "$folder/package/dist/browser/standalone.js" >stubs/orgbilling_stubs/http/static/scalar-api-reference.js.gz
