"""The buyer side: the HTTP API for consumers' apps, and the handlers of what sellers call back.

Nothing here decides what energy costs or how a contract lives: that is said by the seller's platform
and kept as it was said.
"""
