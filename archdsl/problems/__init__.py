"""Problems: what is wrong in a program, where, and how to mend it."""
