"""Meters as their operator registers them: whose they are, where, how large, how they count.

What is registered is dated twice: from when it holds, and when it was said. Nothing is changed; a
change is the next version. Ids that others use for a meter are resolved here, for whoever asks.
"""
