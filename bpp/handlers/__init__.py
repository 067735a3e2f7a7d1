"""What the seller does with each request of a buyer: one file a request.

A handler fetches, lets `trading` decide, keeps the outcome and returns the callback's `message`.
"""
