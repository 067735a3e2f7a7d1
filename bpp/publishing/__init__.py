"""Telling discovery services what is for sale, as often as it changes, and what they made of it."""
