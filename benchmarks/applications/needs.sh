#!/bin/sh
# What the applications need from Debian.
set -eu
missing=""
command -v mhonarc >/dev/null || missing="$missing mhonarc"
command -v javadoc >/dev/null || missing="$missing default-jdk-headless"
[ -e /usr/share/gitweb/gitweb.cgi ] || missing="$missing gitweb libcgi-pm-perl"
# shellcheck disable=SC2086  # a list of packages
exec sh "$(dirname "$0")/../../tests/install.sh" applications $missing
