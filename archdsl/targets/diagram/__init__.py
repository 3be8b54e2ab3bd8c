"""Diagrams: a graph as DOT, SVG, PNG, PDF and Mermaid."""
