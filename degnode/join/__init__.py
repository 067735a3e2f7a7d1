"""Joining a network, standing in it and leaving it, step by step and visibly: what the commands do."""
