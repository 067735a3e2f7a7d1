"""Finding things among very many: words, JSONPath over items, places and times.

What a seller offers itself and what many sellers publish is searched in the same way.
"""
