"""Stations behind somebody's back office: it is told by a signed POST, and posts what happens, signed too."""
