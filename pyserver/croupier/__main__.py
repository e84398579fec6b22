"""`python -m croupier`, the same as `croupier`."""

from croupier.cli import main

main()
