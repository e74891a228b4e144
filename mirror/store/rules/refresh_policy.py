"""What a run does not ask for again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mirror.core.http import caching
from mirror.store.manifest.records import Resource, Standing


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """How what is there already is treated.

    What was checked less than `refresh` ago and did not fail is not asked for; with `trust`, neither is what its server said
    would stay fresh. A run in which more than the share `max_loss` of the pages is gone, or a start, is held. `repair`:
    nothing is asked for but what is not there any more, of what should be.
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
        """Whether a resource that is there, as far as it ever was, is not asked for; `now` is ISO 8601."""
        if self.repair:
            return True
        lifetime = self.refresh or timedelta()
        if self.trust:
            lifetime = max(lifetime, caching.lifetime(resource.headers))
        age = datetime.fromisoformat(now) - datetime.fromisoformat(resource.checked)
        return resource.standing not in (Standing.KEPT, Standing.FAILED) and age < lifetime


ASK_ALWAYS: Final = RefreshPolicy()
