"""The server: routes, headers, limits, the process."""
