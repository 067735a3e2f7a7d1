"""A gateway (BG) of a v1.1 network: passes a search on to every seller, and catalogues back.

It writes no messages of its own: what it passes on leaves byte by byte as it came, under its sender's
signature, with the gateway's own beside it.
"""
