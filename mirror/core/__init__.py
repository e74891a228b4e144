"""Pure functions and values: what URLs, documents and HTTP messages mean, and what to do about them.

Nothing here knows Scrapy, a disk, a network or a clock. Rooms, from the bottom up: `url`; `http` and `syntax`; `document`;
`policy`; `comparison` and `replay`. Each imports only from the rooms before it. To begin, open `url/canonical.py`.
"""
