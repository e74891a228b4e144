"""The server's side of Digest access authentication (RFC 7616), as replies of a `scripted` server.

serve({"digest": Digest("SHA-256", "reader", "secret")})
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Final
from urllib.request import parse_http_list, parse_keqv_list

from tests.transfer.scripted import Connection, ok

HASHES: Final[Mapping[str, Callable[[bytes], "hashlib._Hash"]]] = {
    "MD5": hashlib.md5,
    "SHA-256": hashlib.sha256,
    "SHA-512-256": lambda data: hashlib.new("sha512_256", data),
}
REALM: Final = 'Readers of \\"digests\\"'


@dataclass(frozen=True, slots=True)
class Digest:
    """Sends a challenge, and "welcome" if the response is right. A nonce is valid for one request."""

    algorithm: str
    user: str
    password: str
    qop: str = "auth"
    session: bool = False
    nonces: set[str] = field(default_factory=set)
    numbers: "count[int]" = field(default_factory=count)

    def __call__(self, connection: Connection) -> bool:
        asked = connection.asked
        given = next(iter(asked.values("authorization")), "")
        scheme, _, rest = given.partition(" ")
        if scheme == "Digest" and self._knows(parse_keqv_list(parse_http_list(rest)), asked.method, asked.target):
            connection.send(ok(b"welcome"))
        else:
            connection.send(ok(b"who are you?", f"WWW-Authenticate: {self._challenge()}", status="401 Unauthorized"))
        return True

    def _challenge(self) -> str:
        nonce = f"nonce-{next(self.numbers)}"
        self.nonces.add(nonce)
        algorithm = self.algorithm + "-sess" * self.session
        qop = f', qop="{self.qop}"' if self.qop else ""
        return f'Digest realm="{REALM}", nonce="{nonce}", algorithm={algorithm}, opaque="o=,"{qop}'

    def _knows(self, given: Mapping[str, str], method: str, target: str) -> bool:
        """Whether the response follows section 3.4.1, and answers a challenge of this server."""
        nonce = given.get("nonce", "")
        known = nonce in self.nonces and given.get("uri") == target and given.get("opaque") == "o=,"
        self.nonces.discard(nonce)
        secret = self._hash(f"{self.user}:{REALM.replace(chr(92), '')}:{self.password}")
        if self.session:
            secret = self._hash(f"{secret}:{nonce}:{given.get('cnonce')}")
        middle = f"{nonce}:{given.get('nc')}:{given.get('cnonce')}:{self.qop}" if self.qop else nonce
        expected = self._hash(f"{secret}:{middle}:{self._hash(f'{method}:{target}')}")
        return known and given.get("response") == expected

    def _hash(self, text: str) -> str:
        return HASHES[self.algorithm](text.encode()).hexdigest()
