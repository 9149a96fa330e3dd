"""The built-in use cases of Musterwerk: one folder each, never importing each other."""
