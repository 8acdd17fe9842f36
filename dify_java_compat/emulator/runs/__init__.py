"""The runs under way: streamed, stopped, and read again."""
