"""Where everything is kept: PostgreSQL, the unit of work, the inbox and the outbox.

The only floor that commits. It knows nothing of energy, contracts or HTTP.
"""
