"""What is asked: a row an operation, the values it takes, the JSON it sends and gives."""
