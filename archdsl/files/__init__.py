"""Files, read and written whole: the only room that touches the disk, used by the compiler's front door and the commands."""
