"""The bags of attributes and the small parts that all generations of the wire carry alike."""
