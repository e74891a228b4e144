"""The download handler: transfers by HTTP, FTP, SFTP and from the local disk, with libcurl.

May import `mirror.core` and `mirror.store`. Start with `download_handler`, which Scrapy calls. It runs
a `curl_operation` for each request: an `http_transfer` or a `file_transfer`, both on top of `base_transfer`. `failures` has the
words for what goes wrong.
"""
