"""The seller side: catalogue, handlers of buyers' requests, deliveries, and the operator's API.

What is sold and how it is kept belongs to `trading`, what it costs in the end to `settlement`.
"""
