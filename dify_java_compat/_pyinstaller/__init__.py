"""What PyInstaller needs to know: the modules that are imported by name, and the data files."""

from pathlib import Path


def get_hook_dirs() -> list[str]:
    """Where the hook lies; PyInstaller asks for it by the entry point `pyinstaller40`."""
    return [str(Path(__file__).parent)]
