"""The tables of the manifest. docs/archive-format.md describes them for readers who have only sqlite3.

snapshots   one row per run: its times, starts, options and outcome
urls        one row per URL that any run found, with the path that published documents link to (`resolution`)
frontier    one row per URL: what the newest run that found it decided, and its distance from a start
resources   one row per version of a URL: status, headers, digest, media type, path, first and last snapshot
links       the references of each current version, in order
copies      digests of documents with rewritten links, and the snapshot since which each is published;
            a version without a row is published as it was received
renderings  pages that a browser is to open, and the outcomes of those that it opened
needs       why pages do not work from a disk
leaving     paths that are to leave the tree when the run settles
unsynced    digests of objects and copies that a power cut could still harm
rules       the words that decided about a URL
families    groups of similar URLs, and whether they are a trap; only while a run is unfinished
latencies   how long the server took to answer for a version
answers     what servers said about URLs that documents link to and that the mirror does not have
tombstones  URLs that were forgotten and are never to be fetched again
facts       what the program stores about itself
"""

import json
import re
from collections.abc import Sequence
from typing import Final

SCHEMA_VERSION: Final = 6
READABLE: Final = frozenset({5})
"""Earlier versions that can be read as they are: tables are missing, which were empty then."""

GIVEN: Final = "(SELECT value FROM json_each(:given))"
"""The values of a list of any length, passed as `given`."""


def listed(values: Sequence[str] | Sequence[int]) -> tuple[str]:
    """Pass a list of any length as the one value of `json_each(?)`."""
    return (json.dumps(values),)


def script(text: str) -> tuple[str, ...]:
    """The statements of a script. No text in it has a semicolon.

    >>> script("DELETE FROM a; DELETE FROM b")
    ('DELETE FROM a', 'DELETE FROM b')
    """
    return tuple(statement.strip() for statement in text.split(";"))


_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS snapshots (
        id INTEGER NOT NULL PRIMARY KEY,
        started TEXT NOT NULL,                -- ISO 8601, UTC
        finished TEXT,
        outcome TEXT NOT NULL,                -- incomplete, complete, held
        starts JSON NOT NULL,
        options JSON NOT NULL,
        counts JSON                           -- its numbers, once it is finished
    );
    CREATE TABLE IF NOT EXISTS urls (
        id INTEGER NOT NULL PRIMARY KEY,
        url TEXT NOT NULL UNIQUE,
        since INTEGER NOT NULL DEFAULT 0,     -- snapshots.id: the first run that found it
        resolution TEXT,                      -- the path that documents link to; NULL: they link to the absolute URL
        same_as INTEGER                       -- urls.id: the URL that it is an alias of
    );
    CREATE INDEX IF NOT EXISTS urls_same_as ON urls (same_as) WHERE same_as IS NOT NULL;
    CREATE TABLE IF NOT EXISTS frontier (
        url_id INTEGER NOT NULL PRIMARY KEY,
        snapshot_id INTEGER NOT NULL,
        state INTEGER NOT NULL,
        roles INTEGER NOT NULL,               -- the sum of its `queries.ROLE_BITS`; 0: it is not wanted
        depth INTEGER NOT NULL,
        guess BOOLEAN NOT NULL,
        referrer_id INTEGER,
        reason TEXT
    );
    CREATE INDEX IF NOT EXISTS frontier_pending ON frontier (snapshot_id, state, roles, depth, url_id);
    CREATE TABLE IF NOT EXISTS resources (
        id INTEGER NOT NULL PRIMARY KEY,
        url_id INTEGER NOT NULL,
        since INTEGER NOT NULL,               -- snapshots.id: the first that shows it
        until INTEGER,                        -- snapshots.id: the first that no longer shows it; NULL: it is current
        snapshot_id INTEGER NOT NULL,         -- snapshots.id: the last that requested it
        standing TEXT NOT NULL,               -- see `records.Standing`
        fetched TEXT NOT NULL,                -- ISO 8601, UTC: when the payload was received
        checked TEXT NOT NULL,                -- ISO 8601, UTC: when it was last requested
        status INTEGER,                       -- of the answer with the payload; NULL: there was no answer
        headers JSON NOT NULL,                -- [[name, value], ...] as received
        digest TEXT,
        size INTEGER NOT NULL,
        media_type TEXT,
        path TEXT,                            -- in the tree; NULL: it has none
        discovered_from INTEGER,              -- urls.id
        error TEXT,                           -- why there is no payload, or why it could not be renewed
        stale INTEGER NOT NULL DEFAULT 0      -- how many changes outdated its file; 0: the file is up to date
    );
    CREATE UNIQUE INDEX IF NOT EXISTS resources_current ON resources (url_id) WHERE until IS NULL;
    CREATE UNIQUE INDEX IF NOT EXISTS resources_versions ON resources (url_id, since);
    CREATE INDEX IF NOT EXISTS resources_digest ON resources (digest);
    CREATE INDEX IF NOT EXISTS resources_path ON resources (path) WHERE until IS NULL AND path IS NOT NULL;
    CREATE TABLE IF NOT EXISTS links (
        resource_id INTEGER NOT NULL,
        position INTEGER NOT NULL,
        target_id INTEGER NOT NULL,
        kind TEXT NOT NULL,
        guess BOOLEAN NOT NULL,
        PRIMARY KEY (resource_id, position)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS ix_links_target_id ON links (target_id);
    CREATE TABLE IF NOT EXISTS copies (
        resource_id INTEGER NOT NULL,
        since INTEGER NOT NULL,               -- snapshots.id
        digest TEXT,                          -- NULL: it is published as it was received; '': it is not known
        PRIMARY KEY (resource_id, since)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS ix_copies_digest ON copies (digest);
    CREATE TABLE IF NOT EXISTS renderings (
        resource_id INTEGER NOT NULL,
        since INTEGER NOT NULL,               -- snapshots.id: the run that rendered it, or is to
        state INTEGER NOT NULL,               -- see `rendering_records.RenderingState`
        again BOOLEAN NOT NULL,               -- an earlier run rendered this version
        template TEXT NOT NULL,               -- the same for pages that run the same scripts
        trials INTEGER,                       -- after so many barren pages of a template, others are spared; NULL: none is
        tries INTEGER NOT NULL,               -- how often it was begun
        found INTEGER NOT NULL,               -- how many URLs it found that nothing else refers to
        outcome TEXT NOT NULL,                -- what did not end in time; empty: everything did
        refused JSON NOT NULL,                -- the requests that were refused, a line each
        dom TEXT,                             -- digest of the object with its DOM; NULL: it is not kept
        PRIMARY KEY (resource_id, since)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS renderings_state ON renderings (since, state, again, resource_id);
    CREATE INDEX IF NOT EXISTS ix_renderings_dom ON renderings (dom);
    CREATE TABLE IF NOT EXISTS needs (
        resource_id INTEGER NOT NULL PRIMARY KEY,
        why TEXT NOT NULL                     -- why the page does not work from a disk
    );
    CREATE TABLE IF NOT EXISTS leaving (
        path TEXT NOT NULL PRIMARY KEY,
        url_id INTEGER NOT NULL,
        lost BOOLEAN NOT NULL,                -- a page that the server no longer has
        released BOOLEAN NOT NULL             -- it may be removed: no document links to it
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS ix_leaving_url_id ON leaving (url_id);
    CREATE TABLE IF NOT EXISTS unsynced (digest TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS rules (
        url_id INTEGER NOT NULL PRIMARY KEY,
        rule TEXT NOT NULL                    -- the words that decided about the URL or the links of its document
    );
    CREATE TABLE IF NOT EXISTS families (
        key TEXT NOT NULL PRIMARY KEY,
        state JSON NOT NULL                   -- see `core.policy.crawler_traps.State`
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS latencies (
        resource_id INTEGER NOT NULL PRIMARY KEY,
        milliseconds INTEGER NOT NULL         -- until the headers of the answer, when it was last requested
    );
    CREATE TABLE IF NOT EXISTS answers (
        url_id INTEGER NOT NULL PRIMARY KEY,
        asked TEXT NOT NULL,                  -- ISO 8601, UTC
        status INTEGER,                       -- NULL: there was no answer
        error TEXT,                           -- why there was no answer
        instead TEXT,                         -- where permanent redirects lead
        forbidden BOOLEAN NOT NULL            -- a rule kept the program from asking
    );
    CREATE TABLE IF NOT EXISTS tombstones (
        url TEXT NOT NULL PRIMARY KEY,
        forgotten TEXT NOT NULL               -- ISO 8601, UTC
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS facts (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID
"""

TABLES: Final = tuple(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", _SCHEMA))
"""The names of the tables."""

CREATE: Final = script(re.sub(r" *--.*", "", _SCHEMA))
"""The statements that make what is missing of the tables and their indexes. The comments stay here: SQLite would store them."""
