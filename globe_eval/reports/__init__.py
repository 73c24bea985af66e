"""Reports: tables, pages, comparisons, exports and leaderboards, made of the files of runs."""
