"""A stream's response: bytes to events, events to items, items to an observer or an answer."""
