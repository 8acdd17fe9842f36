"""The generated part of a file that is otherwise written by hand."""


def replaced(text: str, start: str, end: str, block: str) -> str:
    """`text` with `block` between the lines `start` and `end`. ValueError where they are not."""
    before, found_start, rest = text.partition(f"{start}\n")
    _, found_end, after = rest.partition(f"{end}\n")
    if not (found_start and found_end):
        raise ValueError(f"there is no block between {start!r} and {end!r}")
    return f"{before}{found_start}{block}{found_end}{after}"
