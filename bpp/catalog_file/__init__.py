"""The catalogue file: who sells what, where, and on which terms; read strictly, with every number exact.

`catalogue.py` is the file as a whole, `reader.py` turns it into what the seller sells from, and each of the
others is one kind of entry.
"""
