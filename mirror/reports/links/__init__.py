"""The report on the links of a snapshot in seven formats: a module for each, with a function that yields the text in pieces.

Start with report.py; `formats.FORMATS` has those that are not for people.
"""
