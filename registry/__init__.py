"""A registry for small networks, pilots and tests: who may enter, who is found, what changed when.

It serves `/subscribe` and `/lookup` of the Beckn registry API 1.1. It takes part in no trade.
"""
