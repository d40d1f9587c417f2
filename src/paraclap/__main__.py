"""Run the command line with `python -m paraclap`."""

from paraclap.cli import main

main()
