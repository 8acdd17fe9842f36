"""What comes, piece by piece: bytes to events, events to items, items to an answer."""
