"""The handlers: one function an operation, from a ``Call`` to a ``Reply``."""
