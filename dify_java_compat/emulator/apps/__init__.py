"""The apps of the emulator: configuration, input forms, files, knowledge."""
