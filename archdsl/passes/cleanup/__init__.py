"""Passes that take away what changes nothing."""
