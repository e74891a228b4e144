"""The commands that answer questions about an archive: a module for each, named like the command.

None of them changes the tree or asks a server, unless its help says so. They read an archive without a lock, also while a crawl
writes it. Start with why.py.
"""
