#!/bin/sh
# The programs that the tests drive. Debian's packages where this is Debian and we may install; else it says what is missing.
set -eu
missing=""
command -v chromium >/dev/null || missing="$missing chromium"
[ -x /usr/sbin/nginx ] || command -v nginx >/dev/null || missing="$missing nginx-light"
[ -e /usr/share/doc/python3.11/html/index.html ] || missing="$missing python3.11-doc"
command -v wget >/dev/null || missing="$missing wget"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of packages
    apt-get install -qq -y --no-install-recommends $missing >/dev/null
else
    echo "The tests that need them are left out; to run them, install:$missing" >&2
fi
