"""What is read from Azure: facts about a VM, and the list of all VMs."""
