"""When there is how much of a resource: intervals with their energy, as the catalogue or a forecast has it.

What a contract holds of it is trading.stock's.
"""
