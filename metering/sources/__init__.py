"""Readings in other forms than 2030.5's: signed JSON, Green Button, CSV, OCPP; each ends in documents.

A source reads bytes and knows no database; `taking` hands what it found to `metering.ingest`.
"""
