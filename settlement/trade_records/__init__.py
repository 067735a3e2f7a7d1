"""The shared record of each trade: what was agreed, and what either side's utility says became of it."""
