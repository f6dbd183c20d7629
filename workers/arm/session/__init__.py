"""How Azure Resource Manager is reached: clients, errors, long-running operations."""
