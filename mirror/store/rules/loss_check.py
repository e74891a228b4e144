"""The loss check: whether so many pages are gone at once that the run is held (`max_loss`)."""

from typing import Final

from mirror.core.policy.scope import Scope
from mirror.store.manifest.interface import Manifest

FEW: Final = 10
"""So many pages may be gone in any case: of a small site, half is not much."""


def excessive_loss(manifest: Manifest, scope: Scope, max_loss: float) -> tuple[int, int] | None:
    """How many of how many pages are gone, if that is more than the share `max_loss`, or a start is among them; else `None`."""
    lost, left = manifest.departures.lost_pages()
    many = lost > max(FEW, max_loss * (lost + left))
    suspicious = many or manifest.departures.has_lost(scope.starts)
    return (lost, lost + left) if suspicious and max_loss < 1 else None
