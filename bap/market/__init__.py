"""Buying in plain words: searches, quotes and orders over the domain, for apps that know no wire.

What is sent and what comes back is the same as through the raw calls; whoever uses these needs to know
neither messages nor generations. Each thing belongs to an account, and no account sees another's.
"""
