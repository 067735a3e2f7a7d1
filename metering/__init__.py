"""Readings: IEEE 2030.5 mirror documents in, interval energy in Wh per meter out.

Hardened parsing, validation, append-only revisions, the mirror server's routes and the query that
settlement asks. No prices, no contracts, and nothing of the Beckn wire.
"""
