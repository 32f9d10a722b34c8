"""A chatbot that answers from a guide and nothing else, every sentence proved by an exact quote."""

__version__ = "0.1.0"
