"""The mistakes of a user: messages that spell an option as it was typed.

`websucker` has `--max-file 1G` where Scrapy has `-a max_file=1G`, and most checks don't know which of the two is running.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from mirror.cli.option_table import OPTIONS, flag


class Given(NamedTuple):
    """An option in a message: its name, and its value unless that is secret or was not given.

    What looks like a login or a cookie is not shown.
    """

    name: str
    value: object = None

    def __str__(self) -> str:
        """As Scrapy's command line has it.

        >>> str(Given("max_file", "1 X"))
        'max_file=1 X'
        """
        return self.name if self.value is None else f"{self.name}={self.shown}"

    @property
    def shown(self) -> str:
        """The value without a login in a URL, and without the value of a cookie where a file belongs.

        >>> Given("also", "guido:spam@h").shown, Given("cookies", "sid=spam").shown, Given("out", "a@b").shown
        ('...@h', 'sid=...', 'a@b')
        """
        text = without_login(str(self.value))
        return _COOKIE.sub(r"\1=...", text) if self.name == "cookies" else text

    def as_option(self) -> str:
        """As the command line of `websucker` has it; settings as they are.

        >>> Given("max_file", "1 X").as_option(), Given("start", "http://h/").as_option()
        ('--max-file 1 X', 'http://h/')
        """
        if self.name not in OPTIONS:
            return str(self)
        words = ("" if self.name == "start" else flag(self.name), "" if self.value is None else self.shown)
        return " ".join(word for word in words if word)


def without_login(text: str) -> str:
    """Return a text for a message without what may be a login in it."""
    return _LOGIN.sub("...@", text)


_LOGIN: Final = re.compile(r"[^\s/@:,]*:[^\s/@]*@")
_COOKIE: Final = re.compile(r"([^\s/=;]+)=[^/]*", re.DOTALL)


class UsageError(ValueError):
    """An option has an invalid value; the message is one line for the user.

    Its parts are text and options. `str` spells the options for Scrapy's command line, `spelled` in another way.
    """

    def __init__(self, *parts: str | Given) -> None:
        super().__init__("".join(map(str, parts)))
        self._parts = parts

    def spelled(self, spell: Callable[[Given], str]) -> str:
        """The message for the command line on which the options were typed."""
        return "".join(spell(part) if isinstance(part, Given) else part for part in self._parts)
