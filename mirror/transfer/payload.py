"""The payload of one response: in memory, or on the disk once it is too long for memory."""

from collections.abc import Iterable

from mirror.core.http.messages import Spooled
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.spool import PartialDownload, Promise, Spool, Spools


class Payload:
    """Collects the blocks of a payload. Without spools all of it stays in memory."""

    def __init__(self, url: CanonicalURL, spools: Spools | None) -> None:
        self.size = 0
        """Bytes so far, with those that an earlier transfer received."""
        self.promise: Promise | None = None
        """The data with which a later transfer can continue this one. `None` if none can, or nothing is on the disk yet."""
        self._url = url
        self._spools = spools
        self._spool: Spool | None = None
        self._blocks: list[bytes] = []

    @property
    def is_spooled(self) -> bool:
        """Whether the payload is on the disk."""
        return self._spool is not None

    def body(self) -> bytes:
        """What is in memory."""
        return self._blocks[0] if len(self._blocks) == 1 else b"".join(self._blocks)

    def resume(self, part: PartialDownload, offset: int) -> None:
        """Continue a part that an earlier transfer left on the disk, from byte `offset` on."""
        assert self._spools is not None
        self._spool = self._spools.go_on(part, offset)
        self.size = offset

    def append(self, block: bytes) -> None:
        self.size += len(block)
        if self._spool:
            self._spool.feed(block)
        else:
            self._blocks.append(block)

    def spill(self, promise: Promise | None) -> None:
        """Move what is in memory to the disk. The rest follows it there. `promise`: see the attribute."""
        assert self._spools is not None
        self.promise = promise
        blocks, self._blocks = self._blocks, []
        self._spool = self._spools.begin(self._url, promise)
        for block in blocks:
            self._spool.feed(block)

    def finish(self) -> Spooled | None:
        """End a payload that is complete; `None` if it is in memory. Raises `LengthError`."""
        if self._spool is None:
            return None
        spool, self._spool = self._spool, None
        return spool.finish()

    def abandon(self, rest: Iterable[bytes], *, keep: bool) -> None:
        """End a payload that is not complete, after `rest`. `keep`: leave the part for a later transfer."""
        self._blocks = []
        if self._spool is None:
            return
        spool, self._spool = self._spool, None
        for block in rest:
            spool.feed(block)
        if keep:
            spool.leave()
        else:
            spool.discard()
