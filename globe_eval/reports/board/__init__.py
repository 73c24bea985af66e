"""The leaderboard: rows that anyone can recompute, boards of what is comparable, their pages."""
