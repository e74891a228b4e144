"""The names of the folders of an archive."""

from typing import Final

KEPT: Final = ".mirror"
"""The folder of an archive for its own data. Everything outside of it is derived."""

OBJECTS: Final = "objects"
COPIES: Final = "copies"
SCRATCH: Final = "new"
