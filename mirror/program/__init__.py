"""The program `websucker`: its command line, its help, and how it runs a command.

May import cli, core, reports, store and terminal; nothing but the commands of Scrapy imports it. `websucker --version` and
`--help` load this package and little else: nothing in it imports Scrapy, Twisted or lxml. Start with
command_table.py, the table of all commands, then websucker.py, which runs them.
"""
