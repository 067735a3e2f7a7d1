"""Many contracts of one local day at once, from files or a database: quantities, then priced lines.

An engine computes whole watt-hours and nothing else; prices are one function for all of them. Readings
are never read one contract at a time: a day of a fleet is millions of rows. Nothing here writes to the
node's tables; what a service settles contract by contract lives one floor of this package up.
"""
