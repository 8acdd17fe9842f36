"""Read by type checkers, never run. A line that they must refuse ends in a mark, `error`."""
