"""The tables of the search index. docs/archive-format.md describes them.

texts   one row per text that was read: the digest of the object, and what kind of document it was read as
bodies  the lines of each text, compressed: each begins with the letter of its part (`core.search.page_text.Part`)
words   the full-text index (FTS5) of the words of each text; it has no copy of the text
facts   what the program stores about the index
"""

from typing import Final

VERSION: Final = 1
"""The version of the tables, in `PRAGMA user_version`. An index of another version is made again."""

CREATE: Final = (
    "CREATE TABLE texts (id INTEGER NOT NULL PRIMARY KEY, digest TEXT NOT NULL, kind TEXT NOT NULL, UNIQUE (digest, kind))",
    "CREATE TABLE bodies (id INTEGER NOT NULL PRIMARY KEY, lines BLOB NOT NULL)",
    """CREATE VIRTUAL TABLE words USING fts5(title, headings, body, content='',
        tokenize="unicode61 remove_diacritics 0 categories 'L* N* M*'")""",
    "CREATE TABLE facts (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "INSERT INTO words(words, rank) VALUES ('rank', 'bm25(8.0, 3.0, 1.0)')",
    "INSERT INTO words(words, rank) VALUES ('hashsize', 16777216)",
    f"PRAGMA user_version = {VERSION}",
)
"""The statements that make an empty index. A title weighs more than a heading, and a heading more than the rest."""

FILES: Final = ("search.sqlite", "search.sqlite-wal", "search.sqlite-shm", "search.sqlite-journal")
"""The files of the index in `.mirror/`."""
