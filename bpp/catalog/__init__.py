"""The catalogue as it is kept: a line of documents, each of which is a version made from the one before."""
