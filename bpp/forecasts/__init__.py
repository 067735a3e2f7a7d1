"""What there will be of a resource: as its operator uploads it, or as its meter lets expect."""
