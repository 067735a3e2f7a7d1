"""Keeping contracts up to date as readings, stations, cuts and time have it, and telling their buyers."""
