"""The commands of `scrapy` and `websucker`: a module for each, named like the command.

A command checks its arguments, opens the archive, calls one function of another room and prints the result. It may import
every other package of mirror. Scrapy alone imports the commands, except that verify.py starts a crawl with crawl.py. Start
with checkout.py; mirror/cli/archive_command.py has the code that the commands share.
"""
