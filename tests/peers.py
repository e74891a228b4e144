"""The options of wget and HTTrack, and what they are called here: the table behind docs/wget-httrack.md.

`python -m tests.peers` writes the page (`make docs`). `tests/test_peers.py` asks the programs for their options, and fails if
one has no row, or if a row names an option that the program, or Websucker, does not have.
"""

import re
from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "wget-httrack.md"
BEGIN: Final = "<!-- peers: `make docs` writes the tables from tests/peers.py -->\n"
END: Final = "<!-- end of peers -->\n"

ALWAYS: Final = "Always."
NO_PART: Final = "None: a mirror is no download of single files."


class Peer(NamedTuple):
    """Another program: the command that lists its options, the version that the rows are about, and the rows.

    `rows` are, by heading, the options of a row, separated by commas, and what does the same here, in Markdown.
    """

    name: str
    help: tuple[str, ...]
    version: str
    rows: dict[str, dict[str, str]]

    @property
    def options(self) -> list[str]:
        """All options that have a row."""
        return [option for rows in self.rows.values() for options in rows for option in options.split(", ")]

    @property
    def answers(self) -> list[str]:
        """What is said of them."""
        return [answer for rows in self.rows.values() for answer in rows.values()]


WGET: Final = Peer(
    "wget",
    ("wget", "--help"),
    "GNU Wget 1.21.3",
    {
        "The most common ones": {
            "-m, --mirror": "The default: `websucker URL`.",
            "-r, --recursive": "The default.",
            "-l, --level": "`--depth N`; by default, there is no limit.",
            "-k, --convert-links": ALWAYS,
            "-p, --page-requisites": "The default; `--requisites site` or `--requisites none` fetch fewer.",
            "-E, --adjust-extension": "Always, for every type. [File names](file-names.md)",
            "-np, --no-parent": "`--scope prefix`",
            "-H, --span-hosts": "Pages: `--also LIST` names further domains. Requisites come from any host by default.",
            "-D, --domains": "`--also LIST`",
            "--exclude-domains": "`--exclude REGEX`, such as `^https?://ads[.]example[.]org/`",
            "-P, --directory-prefix": "`--out DIR`",
            "-N, --timestamping": "The default: a second run requests every file with its validators. [Updates](updates.md)",
            "-c, --continue": "The default: the same command continues a crawl, and long files from where they ended.",
            "-nc, --no-clobber": "`--refresh 1000d` requests nothing again that the archive has.",
        },
        "Which files": {
            "-A, --accept": "`--include REGEX`, for pages: `/$|[.](html|pdf)$`",
            "-R, --reject": "`--exclude REGEX`: `[.](zip|iso)$`",
            "--accept-regex": "`--include REGEX`",
            "--reject-regex": "`--exclude REGEX`",
            "--regex-type": "None: the syntax is Python's.",
            "-I, --include-directories": "`--include REGEX`, or several starts with `--scope prefix`",
            "-X, --exclude-directories": "`--exclude REGEX`: `^https?://[^/]+/(cgi-bin|tmp)/`",
            "--follow-tags, --ignore-tags": "None: Websucker follows what a reader can click, and fetches what a page shows. "
            "`--attributes LIST` adds attributes.",
            "-L, --relative": "None. `--scope host` is near to it.",
            "--follow-ftp": "None: pages of the web must not lead to files. Give ftp URLs as starts. [Transfers](transfers.md)",
            "-Q, --quota": "`--quota SIZE`",
            "--spider": "None. After a crawl, the summary lists broken links; `why` says which page has one.",
            "--rejected-log": "Every URL that was not followed is in the manifest with its reason: `why`, or SQL. "
            "[Archive format](archive-format.md)",
            "--max-redirect": "None: 20, as in browsers.",
            "--trust-server-names": "None: a redirect is a page of its own, and its target is at the path of its own URL.",
            "--strict-comments": "None: comments are read as browsers read them.",
            "-F, --force-html, -B, --base": "None: `-i FILE` reads a list of URLs. For links in a file, start at "
            "`file:///DIR/FILE.html`, with `--also LIST` for their hosts.",
            "-i, --input-file": "`-i FILE`, or `@FILE` in the place of a URL",
        },
        "Names and files": {
            "--ignore-case": "`--ignore-case`, for all URLs",
            "--restrict-file-names": "`--names portable`. [File names](file-names.md)",
            "-nd, --no-directories, -x, --force-directories, -nH, --no-host-directories": "None: a path of the copy "
            "follows from its URL alone, so that two URLs never share a file.",
            "--protocol-directories, --cut-dirs": "None: likewise.",
            "--default-page": "None: `index.html`.",
            "--content-disposition": "Only the extension is taken from it. [File names](file-names.md)",
            "-O, --output-document": NO_PART,
            "--no-use-server-timestamps": "None: files have the dates of the server. [Dates](file-names.md#dates)",
            "--unlink": "Always: a file is written beside the old one, and then replaces it.",
            "--xattr": "None: the manifest knows the URL and the headers of each file.",
            "--backups, -K, --backup-converted": "Always: received bytes stay in `.mirror/objects`, and every run is a "
            "snapshot (`websucker checkout`).",
            "--convert-file-only": "None: links are relative, and lead to the file.",
            "--delete-after": "None.",
            "--save-headers, -S, --server-response": "The archive keeps the headers of every answer.",
            "--content-on-error": "`--keep-errors`",
            "--warc-file, --warc-header, --warc-max-size, --warc-cdx, --warc-dedup, --warc-tempdir, --no-warc-compression, "
            "--no-warc-digests, --no-warc-keep-log": "None: the archive has a [format of its own](archive-format.md), with the "
            "received bytes, headers and digests.",
        },
        "Requests": {
            "-w, --wait": "`--delay SECONDS`",
            "--random-wait": "None: a `Crawl-delay` and the [adaptive rate](politeness.md#the-request-rate) follow the server.",
            "--limit-rate": "`--rate SIZE`",
            "-t, --tries": "`-s RETRY_TIMES=N`, for N tries after the first",
            "--waitretry": "`-s MIRROR_BACKOFF=SECONDS`; see [politeness](politeness.md#settings).",
            "--retry-connrefused": ALWAYS,
            "--retry-on-http-error": "`-s RETRY_HTTP_CODES=LIST`; 429, 500, 502, 503 and 504 are tried again by default.",
            "-T, --timeout, --read-timeout": "`--timeout SECONDS`",
            "--dns-timeout, --connect-timeout": "None: part of `--timeout`.",
            "-U, --user-agent": "`--user-agent TEXT`",
            "--header": "`--header NAME:VALUE`; a header with a secret goes to the starts only.",
            "--referer": "`--header Referer:URL`; by default, the page that has the link.",
            "--compression": "Always what libcurl can decode; decompressed files are kept.",
            "--no-cache": "`--header Cache-Control:no-cache`",
            "--no-if-modified-since": "None: a 304 costs nothing, and Websucker notices one that is about another version.",
            "--start-pos": NO_PART,
            "--no-http-keep-alive": "None: connections are always kept.",
            "--ignore-length": "None: a body that ends too early counts as cut short, and is tried again.",
            "--post-data, --post-file, --method, --body-data, --body-file": "None. `--variants` decides about the requests of "
            "scripts. To log in, use `--cookies FILE`. [Logins](logins.md)",
            "--no-proxy": "`--proxy none`",
            "--proxy-user, --proxy-password": "`--proxy http://user:password@host:port`",
            "--bind-address, -4, --inet4-only, -6, --inet6-only, --prefer-family": "None: libcurl tries both families at once.",
            "--no-dns-cache": "None.",
            "--no-iri, --local-encoding, --remote-encoding": "None: URLs are read as browsers read them.",
        },
        "Logins and TLS": {
            "--user, --password, --http-user, --http-password, --ftp-user, --ftp-password": "`--login USER:PASSWORD`",
            "--ask-password, --use-askpass": "None: `~/.netrc`, or `--netrc FILE`.",
            "--no-netrc": "`--netrc none`",
            "--auth-no-challenge": "None: a login is sent once it was asked for, and then at once. [Logins](logins.md)",
            "--load-cookies": "`--cookies FILE`",
            "--no-cookies": "`--cookies none`",
            "--save-cookies, --keep-session-cookies": "None: cookies that servers set are not stored.",
            "--no-check-certificate": "`--insecure`",
            "--certificate": "`--certificate FILE`",
            "--private-key": "`--key FILE`",
            "--ca-certificate": "`--ca FILE`",
            "--certificate-type, --private-key-type": "None: both are in PEM.",
            "--ca-directory, --crl-file, --pinnedpubkey, --secure-protocol, --ciphers": "None: libcurl's defaults.",
            "--https-only, --no-hsts, --hsts-file": "None. `--include ^https:` follows links to https pages only.",
        },
        "FTP": {
            "--no-remove-listing": "Always: a listing is kept as the page of its folder.",
            "--no-glob": "Always: `*` in a URL is a character.",
            "--no-passive-ftp": "None: transfers are passive.",
            "--ftps-implicit, --ftps-resume-ssl, --ftps-clear-data-connection, --ftps-fallback-to-ftp": "None: `ftps://` uses "
            "TLS for all. [Transfers](transfers.md)",
            "--preserve-permissions, --retr-symlinks": "None.",
        },
        "The program": {
            "-V, --version": "`--version`",
            "-h, --help": "`--help`",
            "-b, --background": "None: `nohup websucker URL &`.",
            "-e, --execute, --config, --no-config": "None: `-s` changes a setting.",
            "-o, --output-file, -a, --append-output": "None: messages go to stderr, and the list of files to stdout.",
            "-d, --debug": "`-L DEBUG`",
            "-q, --quiet": "`-q`",
            "-v, --verbose": "`-v`",
            "-nv, --no-verbose": "`-nv`",
            "--progress, --show-progress": "`-s MIRROR_PROGRESS=lines`; see [progress](progress.md).",
            "--report-speed": "None.",
        },
    },
)

HTTRACK: Final = Peer(
    "HTTrack",
    ("httrack", "--help"),
    "HTTrack version 3.49-4",
    {
        "The most common ones": {
            "-w, --mirror": "The default: `websucker URL`.",
            "-O, --path": "`--out DIR`",
            "-r, --depth": "`--depth N`; by default, there is no limit. HTTrack counts the start as 1, Websucker as 0.",
            "-e, --go-everywhere": "None: `--also LIST` names further domains.",
            "-%e, --ext-depth": "None: `--also LIST` names further domains.",
            "-n, --near": "The default.",
            "-S, --stay-on-same-dir": "`--scope prefix --depth 1`",
            "-D, --can-go-down": "`--scope prefix`",
            "-U, --can-go-up": "None.",
            "-B, --can-go-up-and-down": "The default.",
            "-a, --stay-on-same-address": "`--scope host`",
            "-d, --stay-on-same-domain": "The default: `--scope site`.",
            "-l, --stay-on-same-tld": "None: `--also LIST` names further domains.",
            "-i, --continue": "The default: the same command continues an interrupted crawl.",
            "--update": "The default: the same command updates a mirror. [Updates](updates.md)",
            "-%L, --list": "`-i FILE`, or `@FILE` in the place of a URL",
            "-%S, --urllist": "`--include REGEX` and `--exclude REGEX`",
            "-g, --get-files, --get": "`--depth 0 --requisites none`",
            "-Y, --mirrorlinks": "`--depth 1` with `--also LIST`",
            "-t, --test, --testlinks, --spider, --testsite": "None. After a crawl, the summary lists broken links; `why` says "
            "which page has one.",
            "--skeleton": "`--requisites none`",
            "-W, --mirror-wizard, -q, --quiet": "None: Websucker asks no questions.",
        },
        "Limits and pace": {
            "-m, --max-files": "`--max-file SIZE`",
            "-M, --max-size": "`--quota SIZE`",
            "-E, --max-time": "None: `timeout 3600 websucker URL`; the same command continues.",
            "-A, --max-rate": "`--rate SIZE`",
            "-%c, --connection-per-second": "`--delay SECONDS`",
            "-G, --max-pause": "None.",
            "-c, --sockets": "`--connections N`",
            "-T, --timeout": "`--timeout SECONDS`",
            "-R, --retries": "`-s RETRY_TIMES=N`",
            "-J, --min-rate": "`-s MIRROR_LEAST_RATE=N`, in bytes a second",
            "-H, --host-control": "Always; see [politeness](politeness.md#the-request-rate).",
            "-%!, --disable-security-limits": "None is needed: `--connections`, `--delay` and `--rate` have no upper bound.",
            "-#L, --advanced-maxlinks, -#F, --advanced-maxfilters": "None is needed: the frontier is on the disk.",
        },
        "Links": {
            "-%P, --extended-parsing": "Always; `--render auto` also runs the scripts. `--attributes LIST` adds attributes.",
            "-j, --parse-java": "Always for scripts; no Java classes.",
            "-u, --check-type, -%A, --assume": "None: the server says of which type a file is, or its first bytes do.",
            "-%N, -%D, --cached-delayed-type-check": "None is needed: a name is corrected when the type is known.",
            "-%u, --urlhack": "`--fold WORDS`; see [which URLs are one resource](traps.md#which-urls-are-one-resource). A "
            "doubled slash names another resource.",
            "-s, --robots": "`-s ROBOTSTXT_OBEY=0` obeys neither robots.txt nor pages; `--obey none` only robots.txt.",
            "-p, --priority": "None. `--requisites none` fetches pages only; what a page needs always comes first.",
        },
        "Names and files": {
            "-N, --structure": "None: a path of the copy follows from its URL alone. [File names](file-names.md)",
            "-L, --long-names": "Always long.",
            "-K, --keep-links": "Relative links; where there is no copy, absolute ones.",
            "-x, --replace-external": "None: links to pages without a copy lead to the site.",
            "-%x, --disable-passwords": "Always: no URL of a copy has a login.",
            "-%q, --include-query-string": "Always part of the name.",
            "-o, --generate-errors": "`--keep-errors`",
            "-X, --purge-old": "A page that is gone (404, 410) leaves the tree, but stays in its snapshots. "
            "[Updates](updates.md#what-replaces-a-good-copy)",
            "-%p, --preserve": "The received bytes are in `.mirror/objects`.",
            "-%T, --utf8-conversion": "None: a document stays in its encoding, and says which.",
            "-%M, --mime-html": "None.",
            "-%F, --footer": "None: nothing is added to pages.",
            "-I, --index": "Always: `DIR/index.html`.",
            "-%i, --build-top-index": "`DIR/index.html` lists all starts.",
            "-%I, --search-index": "None.",
            "-C, --cache, -k, --store-all-in-cache": "Always: the archive is the cache.",
            "-%n, --do-not-recatch": "None: `websucker forget DIR URL` removes a URL, and keeps it out.",
            "-%s, --updatehack": "None: validators and digests decide. [Updates](updates.md)",
            "--clean": "None: `websucker prune` removes old snapshots.",
        },
        "Requests": {
            "-P, --proxy": "`--proxy URL`",
            "-%f, --httpproxy-ftp": "Always, if `ftp_proxy` names one.",
            "-%b, --bind, -@i, --protocol": "None: libcurl tries both families at once.",
            "-b, --cookies": "`--cookies FILE`, or `--cookies none`",
            "-F, --user-agent": "`--user-agent TEXT`",
            "-%R, --referer": "`--header Referer:URL`; by default, the page that has the link.",
            "-%E, --from": "`--header From:ADDRESS`",
            "-%l, --language": "`--header Accept-Language:de`",
            "-%a, --accept": "`--header Accept:LIST`",
            "-%X, --headers": "`--header NAME:VALUE`",
            "-%h, --http-10, --http10": "None: `--http 1.1` is the lowest.",
            "-%k, --keep-alive": ALWAYS,
            "-%B, --tolerant": "Always, where a browser is tolerant too.",
            "-#P, --catch-url, --catchurl": "None: to log in, use `--cookies FILE`.",
        },
        "The program": {
            "-#h, --version": "`--version`",
            "-%v, --display": "`-s MIRROR_PROGRESS=bars`; see [progress](progress.md).",
            "-Q, --do-not-log": "`-q`",
            "-v, --verbose, -f, --file-log, --single-log": "None: messages go to stderr, and the list of files to stdout.",
            "-z, --extra-log, -Z, --debug-log, -%H, --debug-headers": "`-L DEBUG`",
            "-V, --userdef-cmd, -%W, --callback": "`-s MIRROR_REPORTHOOK=NAME`; see [progress](progress.md#your-own-hook).",
            "-%w, --disable-module": "None.",
            "-#0, --debug-testfilters, -#1, -#2, -#C, --debug-cache, -#d, --debug-parsing, -#K, --debug-scanstdin": "None: "
            "`websucker why` tells how a URL was decided.",
            "-#R, --repair-cache, -#E": "`websucker verify DIR --repair`",
            "-#X, --fast-engine, -#f, --advanced-flushlogs, -#u, --advanced-wait": "None.",
            "-#p, --advanced-progressinfo, -#T, --debug-xfrstats, -#Z, --debug-ratestats": "None: see [progress](progress.md).",
        },
    },
)

PEERS: Final = (WGET, HTTRACK)

_WGET_OPTION: Final = re.compile(r"^ +(?:(-\w+), +)?(--[a-z0-9-]+)", re.MULTILINE)
_HTTRACK_LETTER: Final = re.compile(r"^ {1,2}([%#@]?[A-Za-z0-9!])(?=N|[ ,])", re.MULTILINE)
_HTTRACK_WORD: Final = re.compile(r"(?:^|\()(--[a-z0-9-]+)", re.MULTILINE)
_DETAILS: Final = re.compile(r"^Details: Option N$.*?(?=^Shortcuts:$)", re.MULTILINE | re.DOTALL)


def listed(text: str) -> set[str]:
    """The options in the text of `wget --help` or `httrack --help`.

    >>> sorted(listed("  -nv, --no-verbose    less  -q\\n       --spider   nothing\\n"))
    ['--no-verbose', '--spider', '-nv']
    >>> sorted(listed("HTTrack\\n  mN most (--max-files[=N])\\n  mN,N2 most\\n %eN set (--ext-depth[=N])\\n--update  it\\n"))
    ['-%e', '--ext-depth', '--max-files', '--update', '-m']
    """
    if "HTTrack" not in text:
        return {option for match in _WGET_OPTION.findall(text) for option in match if option}
    options = _DETAILS.sub("", text)
    return {f"-{letter}" for letter in _HTTRACK_LETTER.findall(options)} | {*_HTTRACK_WORD.findall(options)}


def markdown() -> str:
    """The tables of the page."""
    return "\n".join(_tables(peer) for peer in PEERS)


def _tables(peer: Peer) -> str:
    parts = [f"## {peer.name}\n"]
    for heading, rows in peer.rows.items():
        lines = [f"| {_names(options)} | {_escaped(answer)} |\n" for options, answer in rows.items()]
        parts.append(
            f"### {peer.name}: {heading[0].lower()}{heading[1:]}\n\n| {peer.name} | Websucker |\n|---|---|\n{''.join(lines)}"
        )
    return "\n".join(parts)


def _names(options: str) -> str:
    return ", ".join(f"`{option}`" for option in options.split(", "))


def _escaped(cell: str) -> str:
    return cell.replace("|", r"\|")


def with_tables(page: str) -> str:
    """The page with new tables."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n{markdown()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
