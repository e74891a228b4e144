"""Replay: the names and headers with which an archive is served to a browser.

The functions are pure: they open no socket and read no archive; `mirror.replay` is the server. This room may import the rooms
of core below it (url, http, syntax, document, policy). Open `origins.py` first: its docstring has the law by which each origin
of a snapshot gets an origin below localhost. `response_headers.py` says which headers are replayed and who may read a response.
"""
