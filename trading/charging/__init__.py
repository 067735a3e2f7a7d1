"""Charging of vehicles: connectors, what a session costs beside its energy, and how it goes."""
