"""What answers an operation."""
