"""The loss check: a run that would lose too many pages at once is held, and the user decides (`max_loss`).

Where it happens, and where to add a notification:

    here                           `excessive_loss` decides.
    store/run/ending.py            `Ending.settle` calls it before any file leaves the tree. If the run is held, it releases no
                                   file and stores the outcome HELD. From then on `Crawl.held` has the numbers.
    mirror/extensions.py           `Finish` passes `Crawl.held` to the summary when the spider closes, prints the summary, and
                                   puts the exit code into the stats as `mirror/exit_code`. A notification belongs here.
    mirror/reports/run_summary.py  `Summary` words the message and chooses exit code 5.

A later run decides anew, or `publish --accept-loss` accepts the loss (`manifest.interface.Departures.accept_loss`).
"""

from typing import Final

from mirror.core.policy.scope import Scope
from mirror.store.manifest.interface import Manifest

ALLOWED_LOSS: Final = 10
"""Up to this many lost pages are accepted, unless a start is among them: half of a small site is not much."""


def excessive_loss(manifest: Manifest, scope: Scope, max_loss: float) -> tuple[int, int] | None:
    """Return how many pages are gone, of how many, if that is too many; else `None`.

    It is too many if more than the share `max_loss` (0 to 1) is gone, or a start is. A share of 1 accepts any loss.
    """
    lost, left = manifest.departures.lost_pages()
    many = lost > max(ALLOWED_LOSS, max_loss * (lost + left))
    suspicious = many or manifest.departures.has_lost(scope.starts)
    return (lost, lost + left) if suspicious and max_loss < 1 else None
