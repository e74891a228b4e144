"""Worker processes for parsing and rewriting.

Imports no other room, and runs any picklable function. Start with `pool`, the side of the crawl; `worker_process` is the
program that each process runs.
"""
