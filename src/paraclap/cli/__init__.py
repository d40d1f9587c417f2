"""The command line: parse, one library call, print. Results go to stdout, everything else to stderr."""

from paraclap.cli.app import main

__all__ = ["main"]
