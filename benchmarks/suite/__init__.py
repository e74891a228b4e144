"""The benchmark suite: Websucker and similar tools do the same work in turn, on servers of the suite.

    make bench                             all workloads; writes docs/performance.md, .svg and .json
    make bench args="small docs"           these workloads only
    make bench-quick                       small workloads; prints the results and writes nothing

A workload (`workloads`) consists of a site (`sites`), a server on loopback that logs its requests (`serving`, `paced`), and the
tools that take turns (`tools`). Each tool runs as a process, which is measured with all its descendants (`measure`). Then its
copy is compared with the site (`judging`). The results are rows (`results`), from which the suite makes tables, ratios and
targets (`report`, `targets`) and a picture (`picture`).
"""
