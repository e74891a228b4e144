"""Compare link checkers: what they find on a site with planted faults, and what they claim about real sites.

    python -m benchmarks.links [--tools websucker,linkchecker,lychee,linkinator] [--sites faults,docs,docusaurus]

`tools.py` has the commands and the readers of the reports, `judging.py` says who is right, `million.py` measures `links` on an
archive with a million links.
"""
