"""The operator's HTTP API of the seller side: one file a subject, with its views and forms beside it."""
