"""A seller's own back office: it is asked before an order is taken, and told of what becomes of it.

It needs to know nothing of Beckn. Without one, all is taken that the catalogue offers.
"""
