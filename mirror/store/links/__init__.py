"""The links of a snapshot: reads its documents again, and finds out what is at the other end of each link. Asks no server.

`targets` judges a URL, `documents` reads documents (also in worker processes), `findings` collects what is wrong in a temporary
database, and `report` does it for a whole snapshot. Start with report.py.
"""
