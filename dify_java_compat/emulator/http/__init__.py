"""The HTTP of the emulator: connections, bodies, replies, errors."""
