"""The commands of `scrapy`: a module for each, named like the command, because Scrapy finds them so.

Each is the command of the same name in `mirror.commands`, with its arguments from the table in `mirror.program.command_table`.
`websucker` does not import this package. Start with crawl.py, the only one that does more than that.
"""
