"""One script for each claim in the README; each prints a ratio to a peer of one alternating run."""
