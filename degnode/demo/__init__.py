"""The demo: ten kilowatt-hours of solar energy, from the first look to the bill, for real."""
