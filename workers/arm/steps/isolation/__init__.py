"""Parts of the step isolate: the lockdown NSG, what is on record of each NIC, the way back, classic VMs."""
