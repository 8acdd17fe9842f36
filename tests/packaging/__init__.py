"""The house itself: who imports whom, what is public, what a wheel holds."""
