"""The command line `retention`: what `python -m retention` runs, too."""

from retention.cli.entry import main

__all__ = ["main"]
