"""Websucker: mirrors websites into trees that open offline."""

__version__ = "0.1.0"
