"""Validation, estimation and editing of readings: what is suspicious, what fills a gap, who changed what."""
