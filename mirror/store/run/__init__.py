"""One run over an archive: what to fetch next, what to keep of each answer, what it leads to, and how the run ends.

Responses and failures go in, entries to fetch come out. Modules here may import `core` and all of `store` but `store.sqlite`;
they know neither Scrapy nor the network.

Open `crawl.py` first: it lists the parts of a run and what each is responsible for.
"""
