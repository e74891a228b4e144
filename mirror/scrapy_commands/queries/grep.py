from mirror.program.scrapy_command import ArchiveCommand


class Command(ArchiveCommand):
    """`scrapy grep`."""
