"""The language model of the emulator: what is said."""
