"""Runs under way: what is streamed, stopped, and followed again."""
