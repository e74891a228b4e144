"""Texts for the user about a run and about a URL, and the exit codes.

May import core, store and terminal; no Scrapy. Start with run_summary.py, the lines at the end of a run.
"""
