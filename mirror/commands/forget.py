"""`websucker forget DIR URL`: remove a URL from the whole archive, for good."""

from argparse import Namespace

from rich.filesize import decimal

from mirror.cli.archive_command import missing_objects, utc_now
from mirror.cli.open_archive import open_archive
from mirror.core.url.canonical import InvalidURLError, canonical
from mirror.reports.exit_codes import Exit
from mirror.store.forgetting import Forgotten, forget
from mirror.terminal.console import exit_with_error, print_message


def run(given: Namespace) -> int:
    """Links to the URL on other pages stay, because the bytes of those pages are not changed."""
    try:
        pattern = canonical(given.url.removesuffix("*")) + "*" * given.url.endswith("*")
    except InvalidURLError as error:
        exit_with_error(str(error), Exit.USAGE)
    with open_archive(given.folder, read_only=False) as archive:
        forgotten = forget(archive, pattern, utc_now().isoformat(timespec="seconds"))
        print_message(report(pattern, forgotten))
        for _ in archive.settle():  # changes the links of other pages
            pass
        archive.back_up()
        if archive.unpublished:
            print_message(missing_objects(len(archive.unpublished)))
    return Exit.WELL if forgotten.left.is_clean and not archive.unpublished else Exit.SOME_FAILED


def report(pattern: str, forgotten: Forgotten) -> str:
    """What was removed, and what could not be reached, a line each."""
    versions, left, sharing = forgotten.versions, forgotten.left, forgotten.sharing
    counted = f"{versions:,} version{'' if versions == 1 else 's'}, {decimal(left.size)}"
    lines = [f"Forgotten: {counted}; {pattern} will never be fetched again"]
    if sharing:
        more = f" and {len(sharing) - 1:,} more" if len(sharing) > 1 else ""
        lines.append(f"The same content stays under {sharing[0]}{more}: forget that too to remove it")
    if left.linked:
        lines.append(
            f"{left.linked:,} hard link{'' if left.linked == 1 else 's'} to it outside of the archive, "
            "in a checkout or a backup: remove them there"
        )
    if not left.is_clean:
        lines.append(
            "The database may still have traces, because another program is reading it: end that program, "
            "then run the same command again"
        )
    return "".join(f"{line}\n" for line in lines)
