"""The one layout of a text: pieces, spaces between them, and lines."""
