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
tombstones  URLs that were forgotten and are never to be fetched again
facts       what the program stores about itself
"""

import json
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

SCHEMA_VERSION: Final = 4

schema = sa.MetaData()

snapshots = sa.Table(
    "snapshots",
    schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("started", sa.Text, nullable=False),  # ISO 8601, UTC
    sa.Column("finished", sa.Text),
    sa.Column("outcome", sa.Text, nullable=False),  # incomplete, complete, held
    sa.Column("starts", sa.JSON, nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("counts", sa.JSON),  # its numbers, once it is finished
)
urls = sa.Table(
    "urls",
    schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("url", sa.Text, nullable=False, unique=True),
    sa.Column("since", sa.Integer, nullable=False, server_default="0"),  # snapshots.id: the first run that found it
    sa.Column("resolution", sa.Text),  # the path that documents link to; NULL: they link to the absolute URL
    sa.Column("same_as", sa.Integer),  # urls.id: the URL that it is an alias of
    sa.Index("urls_same_as", "same_as", sqlite_where=sa.text("same_as IS NOT NULL")),
)
frontier = sa.Table(
    "frontier",
    schema,
    sa.Column("url_id", sa.Integer, primary_key=True),
    sa.Column("snapshot_id", sa.Integer, nullable=False),
    sa.Column("state", sa.Integer, nullable=False),
    sa.Column("roles", sa.Integer, nullable=False),  # the sum of its `rows.ROLE_BITS`; 0: it is not wanted
    sa.Column("depth", sa.Integer, nullable=False),
    sa.Column("guess", sa.Boolean, nullable=False),
    sa.Column("referrer_id", sa.Integer),
    sa.Column("reason", sa.Text),
    sa.Index("frontier_pending", "snapshot_id", "state", "roles", "depth", "url_id"),
)
resources = sa.Table(
    "resources",
    schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("url_id", sa.Integer, nullable=False),
    sa.Column("since", sa.Integer, nullable=False),  # snapshots.id: the first that shows it
    sa.Column("until", sa.Integer),  # snapshots.id: the first that no longer shows it; NULL: it is current
    sa.Column("snapshot_id", sa.Integer, nullable=False),  # snapshots.id: the last that requested it
    sa.Column("standing", sa.Text, nullable=False),  # see `records.Standing`
    sa.Column("fetched", sa.Text, nullable=False),  # ISO 8601, UTC: when the payload was received
    sa.Column("checked", sa.Text, nullable=False),  # ISO 8601, UTC: when it was last requested
    sa.Column("status", sa.Integer),  # of the answer with the payload; NULL: there was no answer
    sa.Column("headers", sa.JSON, nullable=False),  # [[name, value], ...] as received
    sa.Column("digest", sa.Text),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("media_type", sa.Text),
    sa.Column("path", sa.Text),  # in the tree; NULL: it has none
    sa.Column("discovered_from", sa.Integer),  # urls.id
    sa.Column("error", sa.Text),  # why there is no payload, or why it could not be renewed
    # How many changes outdated its file; 0: the file is up to date.
    sa.Column("stale", sa.Integer, nullable=False, server_default="0"),
    sa.Index("resources_current", "url_id", unique=True, sqlite_where=sa.text("until IS NULL")),
    sa.Index("resources_versions", "url_id", "since", unique=True),
    sa.Index("resources_digest", "digest"),
)
links = sa.Table(
    "links",
    schema,
    sa.Column("resource_id", sa.Integer, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("target_id", sa.Integer, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("guess", sa.Boolean, nullable=False),
    sqlite_with_rowid=False,
)
copies = sa.Table(
    "copies",
    schema,
    sa.Column("resource_id", sa.Integer, primary_key=True),
    sa.Column("since", sa.Integer, primary_key=True),  # snapshots.id
    sa.Column("digest", sa.Text, index=True),  # NULL: it is published as it was received
    sqlite_with_rowid=False,
)
renderings = sa.Table(
    "renderings",
    schema,
    sa.Column("resource_id", sa.Integer, primary_key=True),
    sa.Column("since", sa.Integer, primary_key=True),  # snapshots.id: the run that rendered it, or is to
    sa.Column("state", sa.Integer, nullable=False),  # see `rendering_records.RenderingState`
    sa.Column("again", sa.Boolean, nullable=False),  # an earlier run rendered this version
    sa.Column("template", sa.Text, nullable=False),  # the same for pages that run the same scripts
    # After so many pages of a template that found nothing new, others are spared; NULL: none is.
    sa.Column("trials", sa.Integer),
    sa.Column("tries", sa.Integer, nullable=False),  # how often it was begun
    sa.Column("found", sa.Integer, nullable=False),  # how many URLs it found that nothing else refers to
    sa.Column("outcome", sa.Text, nullable=False),  # what did not end in time; "": everything did
    sa.Column("refused", sa.JSON, nullable=False),  # the requests that were refused, a line each
    sa.Column("dom", sa.Text, index=True),  # digest of the object with its DOM; NULL: it is not kept
    sa.Index("renderings_state", "since", "state", "again", "resource_id"),
    sqlite_with_rowid=False,
)
needs = sa.Table(
    "needs",
    schema,
    sa.Column("resource_id", sa.Integer, primary_key=True),
    sa.Column("why", sa.Text, nullable=False),  # why the page does not work from a disk
)
leaving = sa.Table(
    "leaving",
    schema,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("url_id", sa.Integer, nullable=False, index=True),
    sa.Column("lost", sa.Boolean, nullable=False),  # a page that the server no longer has
    sa.Column("released", sa.Boolean, nullable=False),  # it may be removed: no document links to it
    sqlite_with_rowid=False,
)
unsynced = sa.Table("unsynced", schema, sa.Column("digest", sa.Text, primary_key=True), sqlite_with_rowid=False)
rules = sa.Table(
    "rules",
    schema,
    sa.Column("url_id", sa.Integer, primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),  # the words that decided about the URL or the links of its document
)
families = sa.Table(
    "families",
    schema,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("state", sa.JSON, nullable=False),  # see `core.policy.crawler_traps.State`
    sqlite_with_rowid=False,
)
tombstones = sa.Table(
    "tombstones",
    schema,
    sa.Column("url", sa.Text, primary_key=True),
    sa.Column("forgotten", sa.Text, nullable=False),  # ISO 8601, UTC
    sqlite_with_rowid=False,
)
facts = sa.Table(
    "facts",
    schema,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)


def listed(values: Sequence[str] | Sequence[int]) -> tuple[str]:
    """Pass a list of any length as the one value of `json_each(?)`."""
    return (json.dumps(values),)


given = sa.func.json_each(sa.bindparam("given", type_=sa.JSON)).table_valued("value")
GIVEN: Final = sa.select(given.c.value)
"""The values of a list of any length, passed as the parameter `given`."""
