#!/bin/sh
# The programs that the tests drive.
set -eu
missing=""
command -v chromium >/dev/null || missing="$missing chromium"
[ -x /usr/sbin/nginx ] || command -v nginx >/dev/null || missing="$missing nginx-light"
[ -e /usr/share/doc/python3.11/html/index.html ] || missing="$missing python3.11-doc"
command -v wget >/dev/null || missing="$missing wget"
command -v httrack >/dev/null || missing="$missing httrack"          # its options have rows in docs/wget-httrack.md
command -v tinyproxy >/dev/null || missing="$missing tinyproxy-bin" # an HTTP proxy, without the service
command -v microsocks >/dev/null || missing="$missing microsocks"    # a SOCKS5 proxy
[ -x /usr/sbin/vsftpd ] || missing="$missing vsftpd"                 # FTP without MLSD; FTPS that wants one session for all connections
[ -x /usr/sbin/sshd ] || missing="$missing openssh-server"           # SFTP
command -v ip >/dev/null || missing="$missing iproute2"              # a network that leads nowhere, with public addresses
command -v apt-ftparchive >/dev/null || missing="$missing apt-utils" # makes an apt repository
command -v faketime >/dev/null || missing="$missing faketime"        # another clock for a process
# shellcheck disable=SC2086  # a list of packages
exec sh "$(dirname "$0")/install.sh" tests $missing
