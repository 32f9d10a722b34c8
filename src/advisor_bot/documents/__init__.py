"""Files on disk -> ``Document`` -> ``Chunk``."""
