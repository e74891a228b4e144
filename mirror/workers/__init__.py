"""Worker processes for parsing and rewriting.

Imports no other room, and runs any picklable function. Start with `pool`, the side of the crawl; `processes` starts and
ends processes, `worker_process` is what each of them runs.
"""
