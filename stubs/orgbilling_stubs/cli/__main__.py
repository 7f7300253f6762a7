"""`python -m orgbilling_stubs.cli`."""

from orgbilling_stubs.cli.main import run

run()
