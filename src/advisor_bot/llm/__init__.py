"""A language model that writes answers: providers, calls and budgets, prompt, proof, translation."""
