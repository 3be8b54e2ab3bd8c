"""Tests of the elaborator, rule by rule of the language."""
