"""The commands of `globe-eval`, a file each: its arguments and what it does; `run(options)` gives the exit code."""
