"""A stream to the browser in one line, and Java's JSON, in Flask, Starlette, FastAPI and Django.

Each framework has a module of its own, which is imported by its name:
`from dify_java_compat.web.flask import event_stream`.
"""
