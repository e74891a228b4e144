"""The refresh policy: which resources a run does not request again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mirror.core.http import caching
from mirror.core.policy.clock import is_future
from mirror.store.manifest.records import Resource, Standing


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """How a run treats what the archive has already.

    A run does not request a resource that was checked less than `refresh` ago and did not fail. With `trust`, it does not
    request a resource that is still fresh according to its server. With `repair`, it requests missing resources only. It
    requests a resource that was checked in the future: the clock was wrong then, or is now.
    `max_loss` is the share of pages that may be gone before the run is held (see `loss_check`).
    """

    refresh: timedelta | None = None
    trust: bool = False
    max_loss: float = 0.5
    repair: bool = False

    @property
    def asks_always(self) -> bool:
        """Whether nothing counts as fresh."""
        return self.refresh is None and not self.trust and not self.repair

    def is_fresh(self, resource: Resource, now: str) -> bool:
        """Return whether a resource whose payload the archive has need not be requested. `now` is ISO 8601."""
        if self.repair:
            return True
        lifetime = self.refresh or timedelta()
        if self.trust:
            lifetime = max(lifetime, caching.lifetime(resource.headers))
        present, checked = datetime.fromisoformat(now), datetime.fromisoformat(resource.checked)
        if resource.standing in (Standing.KEPT, Standing.FAILED, Standing.ERROR) or is_future(checked, present):
            return False
        return present - checked < lifetime


ASK_ALWAYS: Final = RefreshPolicy()
