"""python -m tests.faults.fuzz: bytes that a fuzzer makes up, for a given time.

Needs atheris, which is best put into an environment of its own:

    python3 -m venv .venv-fuzz && .venv-fuzz/bin/pip install atheris .
    .venv-fuzz/bin/python -m tests.faults.fuzz --seconds 300
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = ("sse", "reader", "chunks", "wire", "event", "body")


def fuzz(name: str, seconds: int) -> None:
    """One target in this process, which the fuzzer ends."""
    import atheris  # type: ignore[import-untyped]

    with atheris.instrument_imports(include=["dify_java_compat"]):
        from tests.property.targets import SEEDS, hold

    def one_input(data: bytes) -> None:
        provider = atheris.FuzzedDataProvider(data)
        cuts = provider.ConsumeIntListInRange(provider.ConsumeIntInRange(0, 20), 1, 64)
        hold(name, provider.ConsumeBytes(sys.maxsize), cuts)

    with tempfile.TemporaryDirectory() as corpus:
        # the provider takes numbers from the end, bytes from the beginning
        Path(corpus, "seed").write_bytes(SEEDS[name] + b"\0" * 4)
        atheris.Setup(
            [sys.argv[0], f"-max_total_time={seconds}", "-max_len=512", corpus], one_input
        )
        atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.faults.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together")
    parser.add_argument("--target", choices=NAMES, help="one of them, in this process")
    options = parser.parse_args()
    if options.target:
        fuzz(options.target, options.seconds)
        return 0
    each = max(1, options.seconds // len(NAMES))
    failed = 0
    for name in NAMES:
        command = [sys.executable, "-m", "tests.faults.fuzz", "--target", name]
        done = subprocess.run([*command, "--seconds", str(each)], capture_output=True, text=True)
        runs = [line for line in done.stderr.splitlines() if line.startswith("Done ")]
        failed += done.returncode != 0
        print(f"{name:8}  {'MISS' if done.returncode else 'ok':4}  {' '.join(runs)}", flush=True)
        if done.returncode:
            print(done.stderr[-5000:])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
