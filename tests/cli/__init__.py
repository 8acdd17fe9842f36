"""Tests of the command line: real processes, real pipes and terminals, real signals."""
