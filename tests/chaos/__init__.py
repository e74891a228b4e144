"""Chaos: an archive that has bad luck for minutes, and a model of what must be true of it after each step.

`site.py` is a website that changes. `archive.py` reads an archive as docs/archive-format.md describes it, without the program.
`model.py` knows what the server sent, and says what is wrong with the archive. `life.py` has the steps: runs, kills, full
disks, clocks that jump, damage, commands, moves. Everything is drawn from a seed. `make chaos` lives one life after the other
for ten minutes; `test_chaos.py` has the seeds that found something.
"""
