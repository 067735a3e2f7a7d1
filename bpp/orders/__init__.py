"""Orders on their way to contracts, and contracts as they are found, kept, changed and answered with."""
