"""Azure Resource Manager: what is read about a VM, and what a containment writes to it."""
