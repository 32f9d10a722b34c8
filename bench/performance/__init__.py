"""`make bench`: how fast the program is, measured side by side; it writes docs/performance.md and the raw figures."""
