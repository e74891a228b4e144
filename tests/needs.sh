#!/bin/sh
# The programs that the tests drive. Debian's packages where this is Debian and we may install; else it says what is missing.
set -eu
missing=""
command -v chromium >/dev/null || missing="$missing chromium"
[ -x /usr/sbin/nginx ] || command -v nginx >/dev/null || missing="$missing nginx-light"
[ -e /usr/share/doc/python3.11/html/index.html ] || missing="$missing python3.11-doc"
command -v wget >/dev/null || missing="$missing wget"
command -v tinyproxy >/dev/null || missing="$missing tinyproxy-bin" # an HTTP proxy, without the service
command -v microsocks >/dev/null || missing="$missing microsocks"    # a SOCKS5 proxy
[ -x /usr/sbin/vsftpd ] || missing="$missing vsftpd"                 # FTP without MLSD; FTPS that wants one session for all connections
[ -x /usr/sbin/sshd ] || missing="$missing openssh-server"           # SFTP
command -v ip >/dev/null || missing="$missing iproute2"              # a network that leads nowhere, with public addresses
command -v faketime >/dev/null || missing="$missing faketime"        # another clock for a process
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of packages
    apt-get install -qq -y --no-install-recommends $missing >/dev/null
else
    echo "The tests that need them are left out; to run them, install:$missing" >&2
fi
