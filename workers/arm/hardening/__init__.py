"""What a VM needs to be safe: the one list of requirements, VMs held against it, VMs born with all of it."""
