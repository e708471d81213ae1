"""The document as frozen values, and every edit as a pure function."""
