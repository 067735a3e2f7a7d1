"""What a contract comes to: what its meters counted, how that was shared, settled and told."""
