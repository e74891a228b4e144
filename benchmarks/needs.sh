#!/bin/sh
# The tools and the site of the benchmarks. Debian's packages where this is Debian and we may install; else it says what is missing.
set -eu
missing=""
for tool in wget wget2 httrack curl; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -x /usr/sbin/nginx ] || command -v nginx >/dev/null || missing="$missing nginx-light"
[ -e /usr/share/doc/python3.11/html/index.html ] || missing="$missing python3.11-doc"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of packages
    apt-get install -qq -y --no-install-recommends $missing >/dev/null
else
    echo "The benchmarks that need them are left out; to run them, install:$missing" >&2
fi
