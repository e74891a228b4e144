"""The report on the links of a snapshot in seven formats: a module for each, with a function that yields the text in pieces.

Start with report.py; `formats.FORMATS` has all of them.
"""
