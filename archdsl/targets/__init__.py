"""Targets turn a graph into a product; no target knows another."""
