"""Who may do what: the role assignments of a caller, our own permissions, and where we need them."""
