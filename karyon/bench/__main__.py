"""`make bench`: see `karyon.bench.page`."""

import argparse
import sys
import time
from pathlib import Path

from karyon.bench.page import make


def main() -> None:
    """Measure all, and write it into a folder."""
    parser = argparse.ArgumentParser(
        prog="python -m karyon.bench", description="Speed and memory, beside other programs."
    )
    parser.add_argument("folder", type=Path, help="that of performance.md")
    parser.add_argument("--draw", action="store_true", help="what is in performance.json, without measuring it again")
    asked = parser.parse_args()
    begun = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - begun:4.0f} s   {what}", file=sys.stderr, flush=True)

    make(asked.folder, is_drawn_only=asked.draw, tell=tell)


if __name__ == "__main__":
    main()
