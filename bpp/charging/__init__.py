"""Charging sessions under contracts: their slots, their stalls and plugs, and how they move."""
