"""The rules of validation, one file per family; `registry` is the table of them all.

Each takes what is known of a day and its own parameters, and yields what is wrong. No clock, no database.
"""
