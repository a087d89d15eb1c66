# ruff: noqa: I001 (--help has the commands in the order of their modules here)
"""The `karyon` command: parses, calls one function, prints. Each command imports what it needs when it runs."""

from karyon.cli.application import app, main
from karyon.cli import runs, campaigns, evidence, logs, daa, bench, hil  # noqa: F401

__all__ = ["app", "main"]
