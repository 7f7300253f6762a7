#!/bin/sh
# Renew the libraries that pages load: the API reference (Scalar) and the charts (uPlot), compressed. Needs npm.
#   requirements/page-libraries.sh
# To take another release, change its version and the checksums of its files, and look at the pages in a browser.
set -eu
cd "$(dirname "$0")/.."
static=stubs/orgbilling_stubs/http/static
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# renew PACKAGE VERSION FILE CHECKSUM NAME: one file of a package, as NAME.gz
renew() {
	rm -rf "${folder:?}"/*
	# Always with its version: npm takes an older release in silence where the newest needs a newer Node.js.
	npm pack --silent --pack-destination "$folder" "$1@$2" >/dev/null
	tar -xzf "$folder"/*.tgz -C "$folder" "package/$3"
	echo "$4  $folder/package/$3" | sha256sum --check --quiet
	gzip -9 -n -c "$folder/package/$3" >"$static/$5.gz"
}

renew @scalar/api-reference 1.76.0 dist/browser/standalone.js \
	dcb027152bf20bf2f6dcd66e8f9fb073c1a9e274cf0b94b939a7d99ab8947060 scalar-api-reference.js
renew uplot 1.6.32 dist/uPlot.iife.min.js \
	19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f uplot.js
renew uplot 1.6.32 dist/uPlot.min.css \
	df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04 uplot.css
