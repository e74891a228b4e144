"""Judges for `websucker links`: a site of planted faults, fragments as Chromium finds them, and the schemas of the reports.

Open `faults.py` first.
"""
