"""Joining a network, step by step and visibly: from an empty folder to a subscribed participant."""
