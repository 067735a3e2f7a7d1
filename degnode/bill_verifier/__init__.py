"""Whether a bill is right, worked out anew from its statement alone.

Nothing here knows the settlement engine, the database or the network: it stands on `kernel` and the
standard library, and on the rules as docs/settlement.md has them.
"""
