"""Conversations of buyers and sellers, one for each use case: run for real, and written down.

A seller's platform answers as it answers peers, from a catalogue, on a database of its own; only the clock
stands still and ids are counted, so that the same conversation is always the same to the byte.
"""
