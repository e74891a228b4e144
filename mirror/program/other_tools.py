"""What users of wget, curl and HTTrack type, and what Websucker has instead."""

from typing import Final

_ALWAYS: Final = "Websucker always does that; leave it out"

_BY_URL: Final = "the path of a file follows from its URL; see docs/file-names.md"
_SEE: Final = "docs/wget-httrack.md says what options of wget and HTTrack are called here"

ADVICE: Final[dict[str, str]] = {
    **dict.fromkeys(("-r", "--recursive", "-m", "--mirror"), _ALWAYS),
    **dict.fromkeys(("-p", "--page-requisites", "-K", "--backup-converted", "-E", "--adjust-extension"), _ALWAYS),
    **dict.fromkeys(
        ("-N", "--timestamping", "-c", "--continue", "--convert-links", "--location", "--compressed"), _ALWAYS
    ),
    "-k": "Websucker always converts links, as wget does with it; what curl does with it is --insecure",
    **dict.fromkeys(("-O", "--output-document"), "Websucker writes a folder with many files: use --out DIR"),
    **dict.fromkeys(("-e", "--execute"), "instead of `-e robots=off` as in wget use -s ROBOTSTXT_OBEY=0"),
    **dict.fromkeys(("--robots", "--no-robots"), "use -s ROBOTSTXT_OBEY=0"),
    **dict.fromkeys(("-np", "--no-parent"), "use --scope prefix"),
    **dict.fromkeys(
        ("-D", "--domains", "--span-hosts"), "use --also LIST for further domains that belong to the mirror"
    ),
    **dict.fromkeys(("-nc", "--no-clobber"), "use --refresh 1000d"),
    **dict.fromkeys(("-nd", "--no-directories", "-nH", "--no-host-directories", "--cut-dirs"), _BY_URL),
    **dict.fromkeys(("--restrict-file-names",), "use --names portable"),
    **dict.fromkeys(("--exclude-domains",), "use --exclude REGEX"),
    "--random-wait": "use --delay SECONDS, from which the pace varies by itself if you leave it out",
    **dict.fromkeys(("--content-disposition", "--trust-server-names", "--xattr"), _SEE),
    "--spider": "to find broken links use websucker check URL",
    **dict.fromkeys(("-S", "--server-response", "-d", "--debug", "-a", "--append-output"), _SEE),
    **dict.fromkeys(("--output-file", "--post-data", "--post-file", "--https-only", "--background"), _SEE),
    **dict.fromkeys(
        ("--warc-file", "--update", "--silent", "--get", "--sockets", "--connect-timeout", "--max-time"), _SEE
    ),
    **dict.fromkeys(("-R", "--reject", "--reject-regex", "-X", "--exclude-directories"), "use --exclude REGEX"),
    **dict.fromkeys(("--accept", "--accept-regex", "-I", "--include-directories"), "use --include REGEX"),
    "--level": "use --depth N",
    "--wait": "use --delay SECONDS",
    "--limit-rate": "use --rate SIZE",
    "--max-filesize": "use --max-file SIZE",
    **dict.fromkeys(("--directory-prefix", "--output", "--output-dir", "--path"), "use --out DIR"),
    **dict.fromkeys(("--user", "--password", "--http-user", "--http-password"), "use --login USER:PASSWORD"),
    **dict.fromkeys(("--load-cookies", "--cookie"), "use --cookies FILE"),
    **dict.fromkeys(("-n", "--netrc-file"), "use --netrc FILE"),
    "--no-check-certificate": "use --insecure",
    **dict.fromkeys(("--ca-certificate", "--cacert"), "use --ca FILE"),
    "--cert": "use --certificate FILE",
    "--private-key": "use --key FILE",
    **dict.fromkeys(("-t", "--tries", "--retry"), "use -s RETRY_TIMES=N for N tries after the first"),
    "--referer": "use --header 'Referer: URL'",
}
"""Option of another program -> what to do. Letters that Websucker has itself are not among them."""
