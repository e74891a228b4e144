"""Websucker: mirrors websites into trees that open offline.

The root has the components that Scrapy calls: settings, scheduler, middlewares, pipelines, extensions, and the spider in
`spiders`. They translate and count; the rooms do the work. A room imports only rooms above it in this list:

    core        URLs, documents, HTTP and policies, as pure functions
    store       the archive on the disk: objects, manifest, tree, and the state of a run
    terminal    what a person sees on the terminal: progress, displays, messages
    workers     processes that parse and rewrite documents
    transfer    the download handler, with libcurl
    reports     summaries and explanations, in words
    browser     a headless Chromium that renders pages
    replay      the server that replays a snapshot
    compare     how a copy differs from its original
    cli         options as checked values, and what the commands share
    program     the command line of `websucker`; it runs the commands by name
    commands    a module for each command; the only room that may import the root
    scrapy_commands  the same for the command line of `scrapy`

Start with `spiders.mirror`, and docs/architecture.md.
"""

__version__ = "0.1.0"
