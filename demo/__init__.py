"""`make demo`: real data through supersync and Dagster, with the proof that both sides are equal."""
