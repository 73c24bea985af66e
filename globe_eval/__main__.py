"""`python -m globe_eval`: the command line where its script is not on the path."""

from globe_eval.cli import entry

entry()
