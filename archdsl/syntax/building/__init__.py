"""What the grammar's rules build: one method a rule, straight to nodes of the tree."""
