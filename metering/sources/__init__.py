"""Readings in other forms than 2030.5's: signed JSON, Green Button, CSV, OCPP; each ends in documents."""
