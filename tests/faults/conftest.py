"""How pytest runs a row of the table."""

from .measuring import pytest_pyfunc_call

__all__ = ["pytest_pyfunc_call"]
