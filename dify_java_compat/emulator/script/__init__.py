"""The scripts: which events an app sends in reply to a prompt, and in which order."""
