"""The apps of the emulator, and what each is set up with."""
