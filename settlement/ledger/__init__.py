"""The ledger: who owes what to whom, in money and in watt-hours, by double entry.

The journal only grows. Balances are kept beside it in the same transaction, and can be recomputed from
it; each day of it is chained and sealed with the node's signature. What is paid for, and why, is decided
elsewhere.
"""
