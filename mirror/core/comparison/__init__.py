"""Comparison: how the text of a page changed, and whether a copy of a site matches the original.

The functions are pure: other rooms open pages in a browser or read them from an archive. This room may import the rooms of core
below it (url, http, syntax, document, policy). Open `fidelity.py` first: its docstring has the law by which a copy is judged.
`fidelity_report.py` turns the verdict into lines, JSON and HTML, `text_diff.py` compares texts, `copy_layout.py` knows where
other tools store pages, and `html_frame.py` is the frame of all reports.
"""
