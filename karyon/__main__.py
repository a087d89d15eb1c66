"""`python -m karyon`."""

from karyon.cli import main

main()
