"""What people read about VMs, questions and containments. Changes nothing."""
