"""What outlives a request: one SQLite file."""
