"""What differs from Scrapy's defaults, each with its reason."""

from scrapy.settings import default_settings

from mirror import __version__

BOT_NAME = "websucker"
SPIDER_MODULES = ["mirror.spiders"]
COMMANDS_MODULE = "mirror.commands"

USER_AGENT = f"Websucker/{__version__} (+https://pypi.org/project/websucker/)"  # who asks, and where to learn more
DEFAULT_REQUEST_HEADERS = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}  # any language

# What a mirror shows of itself; see README.md.
MIRROR_PROGRESS = "auto"
MIRROR_REPORTHOOK = None

# How hosts are asked; see docs/politeness.md. Times are seconds.
MIRROR_ROBOTS_FRESH = 86400  # a robots.txt is asked for again after this
MIRROR_CRAWL_DELAY_MAX = 60  # of a Crawl-delay no more is kept to
MIRROR_RETRY_AFTER_MAX = 600  # nor of a Retry-After
MIRROR_BACKOFF = 1  # the first wait for a host in trouble, which doubles up to sixty times as much
MIRROR_MOST_REFUSALS = 10  # 429 and 503 in a row, and a host is given up
MIRROR_MOST_FAILURES = (
    6  # the same for no answer at all; of a host that never answered one more than RETRY_TIMES is enough
)
MIRROR_HOST_GIVEN_UP_FOR = 600  # then it gets another chance

# How many pages in a row may bring nothing new before no more of their kind are followed; see docs/traps.md. 0: any number.
MIRROR_TRAP_REPEATED = 10  # /a/b/a/b/a/b
MIRROR_TRAP_DEEP = 100  # paths of more than ten segments
MIRROR_TRAP_CALENDAR = 500  # 41 years of empty months
MIRROR_TRAP_FACETS = 1000  # combinations of filters
MIRROR_TRAP_PAGES = 500  # ?page=N
MIRROR_TRAP_SAME = 1000  # whatever is called otherwise
MIRROR_TRAP_WORLD = 5000  # URLs of one kind, and what can't be there is asked for

MIRROR_RESERVE = "100M"  # free bytes of the disk below which the crawl pauses until there is room

# Networks that count as the internet though they are none of it, as "10.1.0.0/16": the start may lead there. See SECURITY.md.
MIRROR_PUBLIC_NETWORKS = ""

# What would never end; 0: no bound. An answer whose length is told ends by that.
MIRROR_LEAST_RATE = (
    100  # bytes a second: less than that in DOWNLOAD_TIMEOUT seconds counts as nothing; not beside MIRROR_RATE
)
MIRROR_ENDLESS_SIZE = 16 << 30  # bytes of a body whose length its server does not tell, or that is packed
MIRROR_ENDLESS_TIME = 6 * 60 * 60  # seconds for which such a body may come

# The frontier is in the manifest: it survives the process, and known URLs never become a Request.
SCHEDULER = "mirror.scheduler.Scheduler"
# libcurl for all schemes; `-s DOWNLOAD_HANDLERS={}` takes Scrapy's own, which keep each payload in memory.
DOWNLOAD_HANDLERS = dict.fromkeys(
    ("http", "https", "ftp", "ftps", "sftp", "file"), "mirror.transfer.download_handler.CurlHandler"
)
DOWNLOAD_MAXSIZE = 0  # a mirror meets large files; -a max_file= is the user's bound
ITEM_PIPELINES = {"mirror.pipelines.Store": 0}
CONCURRENT_ITEMS = 1  # a response yields one item; 100 would start 100 tasks for it

EXTENSIONS = {
    "mirror.extensions.Progress": 0,
    "mirror.extensions.Reserve": 5,
    "mirror.extensions.Quota": 5,
    "mirror.extensions.Finish": 10,
    "scrapy.extensions.feedexport.FeedExporter": None,  # items are answers of servers, no rows of a table
    "scrapy.extensions.spiderstate.SpiderState": None,  # the state is in the manifest
    "scrapy.extensions.logstats.LogStats": None,  # the display and the summary say more
    "scrapy.extensions.memdebug.MemoryDebugger": None,
    "scrapy.extensions.closespider.CloseSpider": None,  # -a limit= counts pages
}
TELNETCONSOLE_ENABLED = False  # a port that runs Python
REMOTE_CONTROL_ENABLED = False  # another one
_OFF = {"scrapy.extensions.telnet.TelnetConsole", "scrapy.extensions.remote_control.RemoteControl"}
EXTENSIONS_BASE = {  # those two: to import what is off would take a fifth of a second of each start
    name: order for name, order in default_settings.EXTENSIONS_BASE.items() if name not in _OFF
}

DOWNLOADER_MIDDLEWARES = {
    "mirror.robots.Robots": 100,
    "mirror.middlewares.Decoding": 590,
    "mirror.middlewares.Cookies": 700,
    "mirror.middlewares.Identity": 710,
    "mirror.pacing.Pacing": 1000,  # hears of each request once, before anybody makes something else of it
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,  # `Pacing` does it, at the pace of the host
    "scrapy.downloadermiddlewares.cookies.CookiesMiddleware": None,  # `Cookies` is that, at less cost
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": None,  # `Identity` does what these three do:
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": None,  # each middleware costs each request
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": None,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,  # takes a cut stream for a whole one
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,  # obeys the body of a 404, ignores a 503
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,  # core.scope decides
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,  # a redirect is a resource of its own
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,  # so is what a page refreshes to
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "scrapy.downloadermiddlewares.httpcache.HttpCacheMiddleware": None,  # the archive is the cache
}
SPIDER_MIDDLEWARES = {
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware": None,  # no request comes from the spider
    "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,  # an error is recorded as what it is
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,  # requests come from the frontier; the spider sets it
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,  # skips silently
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,  # core.scope counts
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,
}

RETRY_EXCEPTIONS = [
    *default_settings.RETRY_EXCEPTIONS,
    "mirror.transfer.failures.BrokenAnswerError",
]  # a stream that was cut
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = "websucker"
DOWNLOAD_VERIFY_CERTIFICATES = True  # Scrapy takes any
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"  # the summary tells
DOWNLOAD_WARNSIZE = 0  # a mirror meets large files; that is no warning
DOWNLOADER_STATS = False  # what is counted is in the manifest

LOG_FORMATTER = "mirror.logs.LogFormatter"  # makes no lines that nobody reads
LOG_LEVEL = "WARNING"
LOG_VERSIONS: list[str] = []
