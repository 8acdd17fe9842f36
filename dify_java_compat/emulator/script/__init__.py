"""What an app does with a question: the events it sends, in order."""
