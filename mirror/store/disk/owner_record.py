"""The owner record of an archive: which process writes it, on which machine, and that it still lives.

Some file systems have no locks, and on others each machine has its own: NFS without a lock daemon or with `local_lock`, FUSE.
The record works there too. It is a file that its owner makes exclusively (`O_EXCL`, which is atomic on NFS too) and touches
every few seconds. It is over, so that another process may take its place, if

- it ran in the same boot of the same machine, and this process holds the system's lock;
- there are no locks, but its process is dead, which shows if it ran in the same boot and in no other container;
- else, it was not touched for a minute, by the clock of the file system: the clocks of two machines may differ.

An owner that was suspended for so long finds the record of another process in the place of its own. It has lost the archive
then: `check` raises `StorageError`.
"""

import errno
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from threading import Event, Thread
from threading import Lock as ThreadLock
from typing import Final

from mirror.store.disk.errors import StorageError
from mirror.store.disk.symlink_guard import NO_LINK

OWNER: Final = "owner"
LOCK: Final = "lock"
"""The file that a process has open while it has the archive."""

BEAT: Final = 10.0
"""Seconds between two touches."""
STALE: Final = 60.0
"""Seconds without a touch after which an owner that can't be seen is taken for dead."""

_MAX_LENGTH: Final = 4096
_TRIES: Final = 5
_START_TIME: Final = 19


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, and when it took the archive (`since`).

    `boot` identifies a machine from its start to its end, and `space` the processes there that see each other. `began` is when
    the process began: numbers of processes are used again. `nonce` makes each record different.
    """

    host: str
    boot: str
    space: str
    process: int
    began: str
    since: str
    nonce: str

    def __str__(self) -> str:
        where = "" if self.boot == _boot() else f" on {self.host}"
        return f"process {self.process}{where}, since {self.since}"


def is_over(owner: Owner | None, me: Owner, age: float, *, is_locked: bool, is_alive: Callable[[Owner], bool]) -> bool:
    """Return whether an owner can't be writing any more.

    `owner` is `None` if its record can't be read: it may be half written. `age`: seconds since it was touched. `is_locked`:
    whether `me` holds a lock of the system, which no other process of this boot can hold.
    """
    if owner and owner.boot == me.boot:
        if is_locked:  # the record may be in a copy of an archive that the owner still writes
            return True
        if owner.space == me.space:
            return not is_alive(owner)
    return not -STALE <= age <= STALE


class OwnerRecord:
    """The record of this process, from construction until `release`.

    Raises `StorageError` if another process owns the archive, `OSError` if the file can't be written.
    """

    def __init__(self, place: Path, *, is_locked: bool) -> None:
        self._place = place
        self._is_locked = is_locked
        self.owner = this_process()
        """This process."""
        self._content = json.dumps(asdict(self.owner)).encode()
        self._touched = _now()
        self._lost: str | None = None
        self._touching = ThreadLock()
        self._ended = Event()
        self._take()
        self._thread = Thread(target=self._beat, name="owner-record", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise `StorageError` if this process has lost the archive. Costs nothing if the record was touched lately."""
        if _now() - self._touched > 2 * BEAT:
            self._touch()
        if self._lost is not None:
            raise StorageError(self._lost)

    def release(self) -> None:
        """Remove the record, unless it is another one by now."""
        self._ended.set()
        self._thread.join()
        with suppress(OSError):
            if _read(self._place)[0] == self._content:
                self._place.unlink()

    # --- taking --------------------------------------------------------------------------------------------------------

    def _take(self) -> None:
        for _ in range(_TRIES):
            try:
                _make(self._place, self._content)
            except FileExistsError:
                self._end_another()
            else:
                return
        raise StorageError(
            f"{self._place} can't be made: other processes make it at the same time. Run the command again"
        )

    def _end_another(self) -> None:
        """Move the record of another process away if it is over. Raises `StorageError` if it isn't."""
        try:
            content, touched = _read(self._place)
        except FileNotFoundError:
            return
        owner = _owner(content)
        age = self._clock() - touched
        if not is_over(owner, self.owner, age, is_locked=self._is_locked, is_alive=is_alive):
            raise StorageError(self._in_use(owner))
        self._move_away(content, touched)

    def _in_use(self, owner: Owner | None) -> str:
        """Say that the archive is in use, and what to do."""
        who = f"{self._place.with_name(LOCK)} is in use by another run ({owner or 'of another machine'})"
        is_seen = owner is not None and (owner.boot, owner.space) == (self.owner.boot, self.owner.space)
        advice = "" if is_seen else f". If it is dead, run the command again in {STALE:.0f} seconds"
        return f"{who}: wait until it ends{advice}"

    def _move_away(self, content: bytes, touched: float) -> None:
        """Remove the record that was judged; if it is another one, or was touched meanwhile, put it back."""
        away = self._beside()
        with suppress(FileNotFoundError):  # another process was faster
            self._place.rename(away)
            if _read(away) != (content, touched):
                with suppress(OSError):
                    self._place.hardlink_to(away)
            away.unlink(missing_ok=True)

    def _clock(self) -> float:
        """Return the time of the file system."""
        probe = self._beside()
        _make(probe, b"")
        try:
            return probe.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)

    def _beside(self) -> Path:
        return self._place.with_name(f"{self._place.name}.{token_hex(8)}")

    # --- keeping -------------------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            self._touch()

    def _touch(self) -> None:
        with self._touching:
            try:
                self._lost = self._lost or self._touch_own()
            except OSError as error:
                if _now() - self._touched > STALE:
                    self._lost = f"{self._place} can't be touched, so that another run may begin: {error.strerror}"

    def _touch_own(self) -> str | None:
        """Touch the record; return why it is lost."""
        try:
            content = _touch(self._place, self._content)
        except FileNotFoundError:  # somebody deleted it, or moves it at this moment
            _make(self._place, self._content)
            content = self._content
        if content != self._content:
            return (
                f"another run took over this archive ({_owner(content) or 'of another machine'}), "
                "because this one did not run for some time: this one stops"
            )
        self._touched = _now()
        return None


def find_holder(kept: Path, now: float) -> tuple[bool, Owner | None]:
    """Return whether a process holds the archive in whose folder `kept` this is, and which, if its record can be read.

    `now` is POSIX time. In a copy of an archive, the record names a process that holds the other one. Takes no lock, and writes
    nothing. Raises `OSError`.
    """
    try:
        content, touched = _read(kept / OWNER)
    except FileNotFoundError:
        return False, None
    owner = _owner(content)

    def holds(one: Owner) -> bool:
        return is_alive(one) and _may_have_open(one.process, kept / LOCK)

    return not is_over(owner, this_process(), now - touched, is_locked=False, is_alive=holds), owner


def this_process() -> Owner:
    """Return this process as an owner."""
    since = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    process = os.getpid()
    return Owner(socket.gethostname(), _boot(), _space(), process, _began(process) or "", since, token_hex(16))


def is_alive(owner: Owner) -> bool:
    """Return whether a process that this process can see lives. If that can't be known, it does."""
    if sys.platform == "win32":  # where a signal of 0 would end it
        return True
    try:
        os.kill(owner.process, 0)
    except PermissionError:
        pass
    except (OSError, OverflowError):
        return False
    return not owner.began or _began(owner.process) in {owner.began, None}


def _may_have_open(process: int, file: Path) -> bool:
    """Return whether a process has a file open. If that can't be known, it has: only its user may look, and on Linux only."""
    try:
        wanted = file.stat()
        for one in Path(f"/proc/{process}/fd").iterdir():
            with suppress(FileNotFoundError):  # it was closed meanwhile
                if os.path.samestat(one.stat(), wanted):
                    return True
    except OSError:
        return True
    return False


def _began(process: int) -> str | None:
    """Return when a process began, in ticks since the boot; "dead" if only its parent has to notice; `None` if it is unknown.

    See proc_pid_stat(5).
    """
    fields = _text(f"/proc/{process}/stat").rpartition(")")[2].split()
    if len(fields) <= _START_TIME:
        return None
    return "dead" if fields[0] in {"Z", "X"} else fields[_START_TIME]


@lru_cache(maxsize=1)
def _boot() -> str:
    return _text("/proc/sys/kernel/random/boot_id") or socket.gethostname()


def _space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - it is no path
    except OSError:
        return ""


def _text(place: str) -> str:
    try:
        return Path(place).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _now() -> float:
    """Return seconds of a clock that nobody sets, and that goes on while the machine is suspended."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def _owner(content: bytes) -> Owner | None:
    """Read a record; `None` if it is not valid."""
    try:
        owner = Owner(**json.loads(content))
    except (ValueError, TypeError, RecursionError):
        return None
    words = {name: value for name, value in asdict(owner).items() if name != "process"}
    is_valid = type(owner.process) is int and owner.process > 0 and all(isinstance(v, str) for v in words.values())
    return owner if is_valid else None


def _make(place: Path, content: bytes) -> None:
    """Make a file. Raises `FileExistsError` if there is one."""
    file = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK, 0o644)
    written = -1
    try:
        written = os.write(file, content)
    finally:
        os.close(file)
        if written < len(content):
            place.unlink()
    if written < len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(place))


def _read(place: Path) -> tuple[bytes, float]:
    """Return the content of a record, and when it was touched last."""
    file = os.open(place, os.O_RDONLY | NO_LINK | getattr(os, "O_NONBLOCK", 0))
    try:
        return os.read(file, _MAX_LENGTH), os.fstat(file).st_mtime
    finally:
        os.close(file)


def _touch(place: Path, own: bytes) -> bytes:
    """Set the time of a record to now, by the clock of the file system, if it has this content. Returns its content."""
    file = os.open(place, os.O_RDWR | NO_LINK | getattr(os, "O_NONBLOCK", 0))
    try:
        content = os.read(file, _MAX_LENGTH)
        if content == own:
            os.utime(file if os.utime in os.supports_fd else place)
        return content
    finally:
        os.close(file)
