"""`degnode meter import`: readings from files."""
