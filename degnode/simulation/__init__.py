"""A realistic world of meters: what households and rooftops use and make, with faults on request.

The same seed makes the same world to the byte. The sun and the standard load are floats inside their two
modules and whole numbers everywhere else; every random choice comes from `dice`. Nothing here reads a
clock; `posting` alone speaks to a network.
"""
