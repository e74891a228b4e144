"""The benchmark suite: the same work for Websucker and its peers, in turns, on servers of its own.

    make bench                             all workloads; writes docs/performance.md, .svg and .json
    make bench args="small docs"           these alone
    make bench-quick                       small ones, printed and not written

A workload (`workloads`) is a site (`sites`), a server on loopback that counts (`serving`, `paced`), and the tools that take
turns (`tools`). Each runs as a process whose whole tree is measured (`measure`), then its copy is judged against the site
(`judging`). What came out of it is rows (`results`), of which tables, ratios and targets (`report`, `targets`) and a picture
(`picture`) are made.
"""
