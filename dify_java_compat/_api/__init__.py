"""What is asked: a row an operation, the request it makes, the result it gives."""
