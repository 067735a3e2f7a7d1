"""The roles that a process can play, each put together from its parts."""
