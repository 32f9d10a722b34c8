"""The guide for programs: OpenAI's protocol, MCP, Python, and what every way of asking has in common."""
