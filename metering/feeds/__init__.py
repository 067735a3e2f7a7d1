"""Utility servers that are followed: where each feed stopped, and what was subscribed to."""
