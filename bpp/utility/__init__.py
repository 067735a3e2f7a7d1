"""A distribution utility: it lets trades of its customers pass within their sanctioned loads, for a charge.

It is a BPP whose requests come from sellers' platforms. It sells nothing itself.
"""
