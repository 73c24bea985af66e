"""The page of one run or of several: figures, charts, maps, photographs; the same as pictures and CSV."""
