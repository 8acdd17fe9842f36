"""What outlives a request, in one SQLite database."""
