"""What was delivered under a contract and what is owed for it: local days, cycles, bills.

Quantities and amounts are decided by pure functions; `settlement.store` keeps what they decided.
No contract's life cycle, no meter's documents, and nothing of the wire but the two ends of a period.
"""
