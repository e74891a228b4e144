"""The commands of `websucker` and `scrapy`: a module for each, named like the command.

The function `run` of a command takes its parsed arguments, opens the archive, calls one function of another room, prints the
result, and returns the exit code. `mirror.program.command_table` declares the arguments, and imports the module of the command
that runs. A command may import every other package of mirror, except those of the command lines. Start with checkout.py;
mirror/cli/archive_command.py has the code that the commands share.
"""
