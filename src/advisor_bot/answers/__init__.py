"""Passages -> ``Answer``: the chain, what is quoted, comparisons, phrases, suggestions, citations."""
