"""`python -m globe_train`: the command line where its script is not on the path."""

from globe_train.cli import entry

entry()
