"""Loss terms as pure functions, one idea per file."""
