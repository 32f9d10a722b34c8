"""Versions of the guide on disk: built, opened, pointed at, rolled back, compared, published."""
