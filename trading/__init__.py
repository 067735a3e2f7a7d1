"""What is traded: terms, quotes, contracts and their life cycle, and the mapping from and to each wire.

One domain model for every wire generation. No HTTP, no provider's business rules, no metering.
"""
