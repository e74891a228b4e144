"""What one page may use in the browser: time, requests, bytes and screens.

All modules read these values from this module when they need them (`limits.MAX_BUSY`), so tests can lower them.
"""

from typing import Final

MAX_BUSY: Final = 15.0
"""Seconds for which a page may be active before it has to be quiet. Time spent waiting for the crawl does not count."""

MAX_RESOURCE_WAIT: Final = 45.0
"""Seconds for which a page waits for one resource. After that the request fails, and `Rendering.missed` is set."""

MAX_PAGE_TIME: Final = 240.0
"""Seconds for one page in total."""

QUIET: Final = 0.4
"""A loaded page counts as quiet after this many seconds without a request."""

SETTLE: Final = 3.0
"""Seconds after the last request of a page, or the last thing that was done to it, within which its timers are waited for. The
option `settle=` sets another number."""

SCROLL_SETTLE: Final = 1.0
"""The same after each screen that a page is scrolled by; `settle=` if that is shorter."""

MAX_SETTLE: Final = 60.0
"""The longest `settle=`."""

IDLE_FACTOR: Final = 2
"""A visit waits for so many times `settle=` for timers that lead to no request, in total."""

SETTLE_FACTOR: Final = 6
"""The same for all timers."""

MAX_RELOADS: Final = 2
"""Times that a page may load itself again."""

MAX_COOKIES: Final = 50
"""Cookies of a page that the crawl learns."""

WARM_PAGES: Final = 3
"""Pages of a template that are also opened with what an earlier page stored."""

MAX_TEMPLATES: Final = 100
"""Templates for which a run keeps what a page stored."""

MAX_STORAGE: Final = 8 << 20
"""Characters that a page may have stored for that."""

MAX_ROUTES: Final = 30
"""Hash routes of a page that are opened."""

MAX_CLICKS: Final = 30
"""Clicks on what reveals more, with `click=auto`."""

MAX_REQUESTS: Final = 1000
"""Distinct URLs that one page may request."""

MAX_QUESTIONS: Final = 100
"""Distinct POST requests that one page may make."""

MAX_VARIANTS: Final = 1000
"""Distinct requests to one origin that are more than a URL, in a run."""

MAX_BYTES: Final = 32 << 20
"""Size in bytes of the largest resource that a page receives. The crawl fetches larger ones, but the page's request fails."""

MAX_SCREENS: Final = 25
"""Screens by which a page is scrolled down."""

MAX_HTML: Final = 32 << 20
"""Characters of a DOM's HTML above which it is not kept."""

MAX_REFUSALS: Final = 20
"""Refused requests that a `Rendering` lists."""

MAX_PAGES: Final = 200
"""Pages after which the browser is restarted, so that memory leaks in it stay bounded."""
