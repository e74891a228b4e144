"""Options as checked values, and what the commands share.

May import core, store, terminal, reports and browser; only the program, the commands and the Scrapy components in the root of
mirror import it. Start with option_table.py, the table of all options, then options.py, which turns the user's words into
values.
"""
