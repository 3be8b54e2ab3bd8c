"""Tests of tangents."""
