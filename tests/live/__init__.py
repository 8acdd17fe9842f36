"""The client against a real Dify: ``python -m tests.live``; see the README here."""
