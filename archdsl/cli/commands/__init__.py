"""One command a file; its name is the file's, and what runs is `command`."""
