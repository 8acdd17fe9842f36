"""What writes files of this repository, and what counts its rooms. Not part of the package."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dify_java_compat"
