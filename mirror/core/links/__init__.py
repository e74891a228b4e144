"""The links of a document, with the lines on which they stand, and the places in a document that fragments lead to.

Input: responses. Output: `Link`s, and names. This package doesn't know what is at the other end of a link (`store.links` does).
Start with places.py.
"""
