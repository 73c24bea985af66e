"""HTML pages of runs and of `globe-eval ask`: figures, charts, maps and photographs in one file."""
