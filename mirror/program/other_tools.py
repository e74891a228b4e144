"""What users of wget, curl and HTTrack type, and what Websucker has instead."""

from typing import Final

_ALWAYS: Final = "Websucker always does that; leave it out"

ADVICE: Final[dict[str, str]] = {
    **dict.fromkeys(("-r", "--recursive", "-m", "--mirror"), _ALWAYS),
    **dict.fromkeys(("-p", "--page-requisites", "-K", "--backup-converted", "-E", "--adjust-extension"), _ALWAYS),
    **dict.fromkeys(
        ("-N", "--timestamping", "-c", "--continue", "--convert-links", "--location", "--compressed"), _ALWAYS
    ),
    "-k": "Websucker always converts links, as wget does with it; what curl does with it is --insecure",
    **dict.fromkeys(("-O", "--output-document"), "Websucker writes a folder with many files: use --out DIR"),
    **dict.fromkeys(("-e", "--execute"), "instead of `-e robots=off` as in wget use -s ROBOTSTXT_OBEY=0"),
    **dict.fromkeys(("-np", "--no-parent"), "use --scope prefix"),
    **dict.fromkeys(("-D", "--domains"), "use --scope and --include REGEX"),
    "--span-hosts": "Websucker fetches what pages need from any host; pages of another site need a start URL of their own",
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
    **dict.fromkeys(("-t", "--tries", "--retry"), "use -s RETRY_TIMES=N"),
    "--referer": "use --header 'Referer: URL'",
}
"""Option of another program -> what to do. Letters that Websucker has itself are not among them."""
