"""`python -m orgbilling_stubs.cli`."""

from .main import run

run()
