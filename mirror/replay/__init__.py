"""Serve an archive to browsers on this machine, each host and snapshot at an origin of its own.

The server answers from the archive alone and makes no connections. `server` has the application, `process` runs it,
`connections` bounds its clients, `certificates` has what https takes, and `pages` has the HTML that the server writes itself.
`mirror.core.replay.origins` decides how origins are named and what pages may reach; `mirror.store.playback` looks up what the
archive has.

May import core, store and reports; never browser, compare, the command line or a Scrapy component. No crawl imports this room,
because Starlette and uvicorn take time to load. Start with `server`.
"""
