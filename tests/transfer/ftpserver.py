"""An FTP server with facts (MLSD), as a process of its own: `ftpserver.py FOLDER PORT USER PASSWORD`.

Anyone may read the folder, except for its subfolder `private`, which is the root for users who log in.
"""

import logging
import sys
from pathlib import Path


def main(folder: str, port: str, user: str, password: str) -> None:
    # not at import: pyftpdlib uses asyncore, which warns that it is deprecated
    from pyftpdlib.authorizers import DummyAuthorizer  # type: ignore[import-untyped]  # noqa: PLC0415
    from pyftpdlib.handlers import FTPHandler  # type: ignore[import-untyped]  # noqa: PLC0415
    from pyftpdlib.servers import FTPServer  # type: ignore[import-untyped]  # noqa: PLC0415

    logging.basicConfig(level=logging.INFO)
    private = Path(folder, "private")
    authorizer = DummyAuthorizer()
    authorizer.add_anonymous(folder)
    if private.exists():
        authorizer.override_perm("anonymous", str(private), "", recursive=True)
        authorizer.add_user(user, password, str(private), perm="elr")
    FTPHandler.authorizer = authorizer
    with FTPServer(("127.0.0.1", int(port)), FTPHandler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
