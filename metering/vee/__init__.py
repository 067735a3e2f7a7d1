"""Validation, estimation and editing of readings: what is suspicious, what fills a gap, who changed what.

The rules are pure functions over what is known of a day. A verdict stands beside the readings and never
changes them; estimates and edits are documents like any other, and go through `metering.ingest`.
"""
