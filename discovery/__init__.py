"""A discovery service: sellers' platforms publish catalogues to it, and it tells buyers what fits."""
