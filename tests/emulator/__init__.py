"""Tests of the emulator, over raw sockets: what they see is what a client would get."""
