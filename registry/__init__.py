"""A registry for small networks, pilots and tests: who may enter, who is found, what changed when.

It serves `/subscribe` and `/lookup` of the Beckn registry API 1.1, challenges newcomers at their
`/on_subscribe`, shows its records as a DeDi does, tells of changes, and takes the operator's
decisions. It takes part in no trade.
"""
