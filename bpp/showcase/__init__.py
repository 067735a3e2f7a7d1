"""Searching what is for sale: the catalogue laid out in rows, and an index over them."""
