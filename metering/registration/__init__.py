"""Meters as their operator registers them: whose they are, where, how large, how they count."""
