"""Fuzzing of what strangers send: whatever comes, it is answered or refused, and nothing breaks."""
