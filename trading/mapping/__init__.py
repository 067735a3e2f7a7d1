"""The domain model from and to each generation of the wire: one folder a generation.

Pure: dictionaries in, domain objects out, and back. Numbers are int or Decimal.
"""
