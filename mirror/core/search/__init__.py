"""What a full-text search means: the text of a page, its words, what a user asks for, and the line that shows a match.

Nothing here knows a database. Start with words.py.
"""
