"""What the file system of an archive does with names: whether it keeps each as it is, apart from all others."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_NAMES: Final = ("name-a", "name-A", "name-\u00e9", "name-e\u0301", "name-\u00c9", 'name:*?"<>|', "name.", "name~1")
"""Names that some file system treats as equal, changes, or refuses: those of macOS, of Windows, and of sticks."""

_REFUSED: Final = frozenset({errno.EINVAL, errno.EILSEQ, errno.ENOENT, errno.EEXIST, errno.EPERM, errno.EACCES})
"""Error codes for a name that the file system does not accept, or takes for another one."""


def keeps_names(folder: Path) -> bool:
    """Return whether names of files stay as they are, and no two are treated as equal.

    Raises `OSError` if the folder can't be written.
    """
    place = folder / f"names.{os.getpid()}"
    place.mkdir()
    try:
        for name in _NAMES:
            (place / name).touch(exist_ok=False)
        return sorted(one.name for one in place.iterdir()) == sorted(_NAMES)
    except OSError as error:
        if error.errno in _REFUSED:
            return False
        raise
    finally:
        with suppress(OSError):
            for one in place.iterdir():
                one.unlink()
            place.rmdir()
