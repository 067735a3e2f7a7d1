"""A gateway (BG) of a v1.1 network: passes a search on to every seller, and catalogues back."""
