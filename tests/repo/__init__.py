"""Rules about the repository itself: imports, sizes, names, freshness, README. Each says what is wrong and where."""
