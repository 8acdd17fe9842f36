"""Streams to browsers, each through a server of the framework's own."""
