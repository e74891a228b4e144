"""The words that inputs are composed of: texts that mean something to a parser.

Two spaces or a line end separate two words; escapes are those of Python.
"""

from typing import Final


def words(text: str) -> tuple[bytes, ...]:
    """Return the words of a table.

    >>> words(r"<a  \\n  a b\\x20")
    (b'<a', b'\\n', b'a b ')
    """
    pieces = (piece.strip() for line in text.splitlines() for piece in line.split("  "))
    return tuple(piece.encode().decode("unicode_escape").encode("latin-1") for piece in pieces if piece)


MARKUP: Final = words(r"""
    <a href='x#y'>  <a href=  <base href=//o/>  <img srcset='a 1x, b 2x'>  <svg>  </svg>  <math>  <style>  </style>
    <style/>  <script>  </script>  <script src=a/>  <template>  </template>  <noscript>  <iframe srcdoc='&lt;a href=z>'>
    <iframe srcdoc=  <link rel=canonical href=x>  <meta name=robots content=nofollow>
    <meta http-equiv=refresh content='0;url=x'>  <!--  -->  <![CDATA[  ]]>  <?xml version='1.0'?>  <!DOCTYPE a [  <p>
    </p>  <table>  <td background=x>  <body>  <div\x20  style='background:url(x)'  onclick='a("/b")'  &amp;  &#x2f;  &amp
    &#  \x00  \r\n  \xef\xbb\xbf  \xff  <  >  '  "  =  /  \x20  <b><i></b>  </
""")

XML: Final = words(r"""
    <urlset><url><loc>http://h/</loc></url>  <sitemapindex>  <loc>  </loc>  <rss><channel><item><link>/x</link>
    <feed xmlns='http://www.w3.org/2005/Atom'>  <entry><link href='x'/>  <!ENTITY a '&b;&b;'>
    <!DOCTYPE a [<!ENTITY b SYSTEM 'file:///x'>]>  &a;  <svg xmlns='http://www.w3.org/2000/svg'>  <use xlink:href='#a'/>
    <image href='x'/>  <?xml-stylesheet href='x'?>  <xsl:stylesheet xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>
    <a:b>  xml:base='x'
""")

CSS: Final = words(r"""
    url(  url('x')  url("  @import 'x';  @import url(x) layer(a) supports(b);  image-set('x' 1x)  src:  /*  */  \\
    \\75rl(  \\000041\x20  {  }  (  )  ;  '  "  \n  @namespace\x20  #a  \x20  a:b  <!--  \xff
""")

SCRIPT: Final = words(r"""
    import('./a.js')  fetch('/x.json')  from './a.js'  '/a/b'  "//h/x"  `/x`  /*  */  //  \\  '  "  `  new Worker('w.js')
    https://h/x  \\u002f  \n  \x20  (  /  =  {"icons":[{"src":"x"}]}  "start_url":"/"  {  [
""")

URL: Final = words(r"""
    http://  https:  //  /  \\  ..  .  %2e  %2F  %00  %  ?  #  @  :  [::1]  \n  user:pass@  file:///  ftp://h/
    javascript:  xn--  \xc3\xa9  \xe2\x80\xae  \x20  \t  \r  a  con  ;x  127.1  0x7f  example.org  \xff  C:  |  ~  http:
""")

VALUES: Final = words(r"""
    a 1x  ,  \x20  (  )  0;url=  5  ;  '  "  &amp;  &copy  &#x  &#38;  &  javascript:  \n  action-uri=  icon-uri=x  %27  /
    \xff  x.js  http://h/
""")

ROBOTS: Final = words(r"""
    User-agent: *\n  User-agent: websucker\n  Disallow: /  Allow: /  *  $  /a  %2F  %  \n  \r  #  \x20  Crawl-delay: 1
    Crawl-delay: 1e999\n  Crawl-delay: nan\n  Sitemap: /x\n  \xef\xbb\xbf  \x00  \xff  :
    a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*
""")

HEADERS: Final = words(r"""
    Link:\x20  <x>; rel=canonical  <x>; rel="a b"  ,  ;  "  \\  Location:\x20  Refresh: 0;url=x  \n  \r  :\x20
    X-Robots-Tag:\x20  unavailable_after:\x20  Fri, 27 Nov 2026 00:00:00 GMT  Cache-Control: max-age=
    9999999999999999999999999999999999999999  -1  Age:\x20  Content-Range: bytes 0-1/2  Content-Type: text/html; charset=
    ETag: "a"  W/"  Retry-After:\x20  Date:\x20  Expires:\x20  Content-Disposition: attachment; filename=  Set-Cookie: a=b
    \xff  <  >  =  \x00
""")

LISTING: Final = words(r"""
    -rw-r--r-- 1 a b 1 Jan 1 2020\x20  drwxr-xr-x 2 a b 4096 Feb 29 12:00\x20  lrwxrwxrwx 1 a b 1 Jan 1 00:00 a -> /etc
    type=file;size=1;\x20  type=dir;modify=20260101000000;\x20  01-01-26\x20\x2012:00AM <DIR>\x20  \r\n  ..  /  \\  \x00
    a  \x20  \xff  %2F  ~  size=99999999999999999999;  modify=0;  ;  =
""")

ENCODING: Final = words(r"""
    \xff\xfe  \xfe\xff  \xef\xbb\xbf  <meta charset=utf-8>  <meta charset=iso-2022-jp>  @charset "  \x1b$B  \x1b(B  \x81
    \xd8\x00  \xa4\xa2  <?xml encoding='gb18030'?>  a  \xc3  \x00  <meta charset=big5>
""")

WORDS: Final = words(r"""
    example.org\tTRUE\t/\tFALSE\t0\ta\tb\n  \t  #HttpOnly_  \n  TRUE  /  1e9  1d  12h  \xc2\xb2  \x20
""")

CODING: Final = words(r"""
    \x1f\x8b\x08\x00\xdbE\tk\x02\xff\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00
    \x1f\x8b\x08\x00\xdbE\tk\x02\xffKL\x1c\x05\xa3`\x14\x0cs\x00\x00\xc6\xc5\x03\x88\xe7\x03\x00\x00  \x1f\x8b\x08\x00
    x\x9c  (\xb5/\xfd  \x1b\x03\x00  \x00  \xff  \x0b\x02\x80  P*M\x18
""")
