#!/bin/sh
# Install packages of Debian, if this is Debian and we may; else say what is left out: install.sh WHAT PACKAGE...
set -eu
what="$1"
shift
[ $# -gt 0 ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends "$@" >/dev/null
else
    echo "The $what that need them are left out; to run them, install: $*" >&2
fi
