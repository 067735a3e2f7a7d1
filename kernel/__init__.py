"""Quantities, time and identity: what every other floor speaks in.

Standard library only. No I/O, and no clock but the one in `kernel.clock`.
"""
