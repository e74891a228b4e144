"""Output on the terminal: messages, data for scripts, and the progress display.

May import nothing else of mirror. No text of the web reaches the terminal except through printable.py. Start with
reporthook.py: it defines what a display is and when it is called.
"""
