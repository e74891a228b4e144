"""The commands of `mirror.commands.queries` for `scrapy`."""
