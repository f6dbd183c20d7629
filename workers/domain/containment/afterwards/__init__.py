"""What is looked at once a VM is contained: whether it still is, and jobs that Azure goes on with."""
