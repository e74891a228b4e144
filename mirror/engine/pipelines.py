"""The item pipelines: Scrapy's manager, which waits for a pipeline only if there is something to wait for."""

from inspect import isawaitable
from typing import Any

from scrapy.pipelines import ItemPipelineManager
from scrapy.utils.defer import ensure_awaitable
from twisted.internet.defer import Deferred


class Pipelines(ItemPipelineManager):
    """The setting ITEM_PROCESSOR."""

    async def process_item_async(self, item: Any) -> Any:
        if self._mw_methods_requiring_spider:  # an old pipeline, with an argument `spider`
            return await super().process_item_async(item)
        for method in self.methods["process_item"]:
            assert method is not None
            item = method(item)
            if isinstance(item, Deferred) or isawaitable(item):
                item = await ensure_awaitable(item)
        return item
