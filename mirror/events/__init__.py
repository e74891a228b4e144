"""What a run tells while it goes: the events, the stream that carries them inside, and where a user can have them sent.

Nothing here knows Scrapy, the archive or a file. Start with `types.py`: docs/events.md describes its dataclasses to users.
"""
