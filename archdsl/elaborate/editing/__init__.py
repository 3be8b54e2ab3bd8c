"""Edits of a design: steps are chosen in an elaborated arch, other trees put in their place, and the arch elaborated again."""
