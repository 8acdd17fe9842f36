"""The emulator's HTTP: connections, request bodies, replies and their errors."""
