#!/bin/sh
# The tools and the site of the benchmarks.
set -eu
missing=""
for tool in wget wget2 httrack curl; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -x /usr/sbin/nginx ] || command -v nginx >/dev/null || missing="$missing nginx-light"
[ -e /usr/share/doc/python3.11/html/index.html ] || missing="$missing python3.11-doc"
# shellcheck disable=SC2086  # a list of packages
exec sh "$(dirname "$0")/../tests/install.sh" benchmarks $missing
