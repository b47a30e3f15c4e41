"""The dialects of the project."""
