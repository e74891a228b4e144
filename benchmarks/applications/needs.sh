#!/bin/sh
# What the applications need from Debian.
set -eu
missing=""
command -v mhonarc >/dev/null || missing="$missing mhonarc"
command -v javadoc >/dev/null || missing="$missing default-jdk-headless"
[ -e /usr/share/gitweb/gitweb.cgi ] || missing="$missing gitweb libcgi-pm-perl"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of packages
    apt-get install -qq -y --no-install-recommends $missing >/dev/null
else
    echo "The applications that need them are left out; to run them, install:$missing" >&2
fi
