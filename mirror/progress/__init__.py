"""How a run tells what it does: Scrapy's signals become events, and events become displays, lines of JSON and heartbeats.

`transfers.py` and `heartbeats.py` make events; `display.py` and `outputs.py` are the extensions that listen to them. The other
events are told where they happen. Start with `mirror.events.types`. Settings call the display `mirror.progress.Progress`.
"""

from mirror.progress.display import Progress

__all__ = ["Progress"]
