"""This participant's own keys: made, sealed, rotated, revoked; and which of them signs now."""
