"""The settings that differ from Scrapy's defaults, each with its reason."""

from scrapy.settings import default_settings

from mirror import __version__
from mirror.garbage import collect_rarely

collect_rarely()  # `scrapy` has loaded little before it reads this file

BOT_NAME = "websucker"
SPIDER_MODULES = ["mirror.spiders"]
COMMANDS_MODULE = "mirror.scrapy_commands"

# Tells site owners which program sends the requests, and where to read about it.
USER_AGENT = f"Websucker/{__version__} (+https://pypi.org/project/websucker/)"
DEFAULT_REQUEST_HEADERS = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}  # any language

# Progress display; see docs/progress.md.
MIRROR_PROGRESS = "auto"
MIRROR_REPORTHOOK = None
MIRROR_LIFELINE = False  # end the run as Ctrl-C does when stdin ends: whoever started it is gone
MIRROR_SUMMARY = True  # end with what was mirrored, and what failed
MIRROR_EVENTS = None  # where to write what happens as JSON lines; see docs/events.md
MIRROR_QUIET = False  # print the summary only if something is wrong
MIRROR_INDEX = False  # bring the index of `grep` up to date once a run is over

# The request rate and retries; see docs/politeness.md. Times are in seconds.
MIRROR_ROBOTS_FRESH = 86400  # after this time robots.txt is fetched again
MIRROR_CRAWL_DELAY_MAX = 60  # the longest Crawl-delay to respect
MIRROR_RETRY_AFTER_MAX = 600  # the longest Retry-After to respect
MIRROR_BACKOFF = 1  # the first wait for a host that fails; it doubles, up to sixty times as much
MIRROR_MOST_REFUSALS = 10  # after this many answers 429 or 503 in a row, the host is given up
# The same for requests without an answer. A host that never answered is given up after RETRY_TIMES + 1 of them.
MIRROR_MOST_FAILURES = 6
MIRROR_HOST_GIVEN_UP_FOR = 600  # after this time the host is tried again

# After this many pages of a kind in a row with nothing new, no more of them are followed; see docs/traps.md. 0: no limit.
MIRROR_TRAP_REPEATED = 10  # /a/b/a/b/a/b
MIRROR_TRAP_DEEP = 100  # paths of more than ten segments
MIRROR_TRAP_CALENDAR = 500  # 41 years of empty months
MIRROR_TRAP_FACETS = 1000  # combinations of filters
MIRROR_TRAP_PAGES = 500  # ?page=N
MIRROR_TRAP_SAME = 1000  # URLs of any other kind
MIRROR_TRAP_WORLD = 5000  # URLs of one kind; after that, a URL that can't exist is fetched as a test

# How far what a page needs is followed in turn; see docs/traps.md. 0: no bound.
MIRROR_CHAIN_REQUISITES = 100  # stylesheets, modules, frames, each needed by the one before
MIRROR_CHAIN_SITEMAPS = 10  # sitemaps or feeds, each named by the one before
MIRROR_CHAIN_PAGES = 1000  # feeds with rel=next, and other files that link on but are no HTML
MIRROR_CHAIN_LEADING = 1000  # requisites below one page that need something themselves
MIRROR_CHAIN_BELOW = 50000  # everything that a page leads to by way of these

MIRROR_RESERVE = "100M"  # the crawl pauses while the disk has less free space

# Private networks to treat as public, such as "10.1.0.0/16": public sites may link there. See SECURITY.md.
MIRROR_PUBLIC_NETWORKS = ""

# Limits for responses that would never end; 0: no limit. A response with a Content-Length ends at that length.
# Bytes a second. A response slower than this for DOWNLOAD_TIMEOUT seconds times out. Ignored if MIRROR_RATE is set.
MIRROR_LEAST_RATE = 100
MIRROR_ENDLESS_SIZE = 16 << 30  # bytes of a body without a Content-Length, or of one that is compressed
MIRROR_ENDLESS_TIME = 6 * 60 * 60  # seconds that a body without a Content-Length may take

# The frontier is in the manifest: it survives the process, and known URLs never become requests.
SCHEDULER = "mirror.scheduler.Scheduler"
# libcurl for all schemes. `-s DOWNLOAD_HANDLERS={}` uses Scrapy's own handlers, which keep each payload in memory.
DOWNLOAD_HANDLERS = dict.fromkeys(
    ("http", "https", "ftp", "ftps", "sftp", "file"), "mirror.transfer.download_handler.CurlHandler"
)
DOWNLOAD_MAXSIZE = 0  # no limit: sites have large files; -a max_file= is the user's limit
ITEM_PIPELINES = {"mirror.pipelines.Store": 0}
CONCURRENT_REQUESTS = 128  # of all hosts together; CONCURRENT_REQUESTS_PER_DOMAIN is what a single host gets
# One task for each request instead of four (`mirror.engine`).
DOWNLOADER = "mirror.engine.downloader.Downloader"
ITEM_PROCESSOR = "mirror.engine.pipelines.Pipelines"
CONCURRENT_ITEMS = 1  # a response yields one item; 100 (the default) would start 100 tasks for it

EXTENSIONS = {
    "mirror.progress.outputs.HeartbeatFile": 0,
    "mirror.progress.outputs.Events": 1,
    "mirror.progress.Progress": 2,
    "mirror.extensions.Reserve": 5,
    "mirror.extensions.Quota": 5,
    "mirror.extensions.Finish": 10,
    "mirror.extensions.Lifeline": 15,
    "scrapy.extensions.feedexport.FeedExporter": None,  # items are answers of servers, not rows of a table
    "scrapy.extensions.spiderstate.SpiderState": None,  # the state is in the manifest
    "scrapy.extensions.logstats.LogStats": None,  # the display and the summary tell more
    "scrapy.extensions.memdebug.MemoryDebugger": None,
    "scrapy.extensions.closespider.CloseSpider": None,  # -a limit= counts pages
}
TELNETCONSOLE_ENABLED = False  # it opens a port through which others can run Python code
REMOTE_CONTROL_ENABLED = False  # the same
_OFF = {"scrapy.extensions.telnet.TelnetConsole", "scrapy.extensions.remote_control.RemoteControl"}
EXTENSIONS_BASE = {  # importing those two, though disabled, would add 0.2 s to each start
    name: order for name, order in default_settings.EXTENSIONS_BASE.items() if name not in _OFF
}

DOWNLOADER_MIDDLEWARES = {
    "mirror.robots.Robots": 100,
    "mirror.middlewares.Decoding": 590,
    "mirror.circles.RedirectCircles": 690,
    "mirror.cookies.Cookies": 700,
    "mirror.middlewares.Identity": 710,
    "mirror.pacing.Pacing": 1000,  # innermost: sees each response and error before any other middleware changes it
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,  # `Pacing` retries, at the pace of the host
    "scrapy.downloadermiddlewares.cookies.CookiesMiddleware": None,  # `Cookies` replaces it
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": None,  # `Identity` replaces these three:
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": None,  # each would slow down each request
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": None,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,  # treats a truncated stream as a whole one
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,  # obeys the body of a 404, ignores a 503
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,  # core.policy.scope decides
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,  # a redirect is a resource of its own
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,  # so is the target of a refresh
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "scrapy.downloadermiddlewares.httpcache.HttpCacheMiddleware": None,  # the archive is the cache
}
SPIDER_MIDDLEWARES = {
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware": None,  # the spider yields no requests
    "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,  # errors are recorded too
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,  # the spider sets Referer
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,  # it skips without a record
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,  # core.policy.scope counts the depth
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,
}

RETRY_EXCEPTIONS = [
    *default_settings.RETRY_EXCEPTIONS,
    "mirror.transfer.failures.BrokenAnswerError",  # a truncated or corrupt stream
]
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = "websucker"
DOWNLOAD_VERIFY_CERTIFICATES = True  # Scrapy accepts any certificate by default
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"  # the summary reports it
DOWNLOAD_WARNSIZE = 0  # large files are normal, so they are no reason to warn
DOWNLOADER_STATS = False  # the manifest has the counts

LOG_FORMATTER = "mirror.logs.LogFormatter"  # does not format lines that the log level drops
LOG_LEVEL = "WARNING"
LOG_VERSIONS: list[str] = []
