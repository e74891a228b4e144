#!/bin/sh
# What the applications need from Debian.
set -eu
missing=""
# need FILE PACKAGE...: the file that tells whether the packages are there
need() {
    file="$1"
    shift
    [ -e "$file" ] || missing="$missing $*"
}
need /usr/bin/mhonarc mhonarc
need /usr/bin/javadoc default-jdk-headless
need /usr/share/gitweb/gitweb.cgi gitweb libcgi-pm-perl
need /usr/lib/cgit/cgit.cgi cgit
need /usr/share/doc/libboost1.81-doc libboost1.81-doc
need /usr/bin/php php-cli php-cgi
need /usr/share/dokuwiki/doku.php dokuwiki
need /usr/share/mediawiki/index.php mediawiki php-sqlite3 php-mbstring php-xml php-intl php-gd
need /usr/share/wordpress/wp-load.php wordpress wordpress-theme-twentytwentythree php-mysql php-gd
need /usr/sbin/mariadbd mariadb-server-core mariadb-client-core
# shellcheck disable=SC2086  # a list of packages
exec sh "$(dirname "$0")/../../tests/install.sh" applications $missing
