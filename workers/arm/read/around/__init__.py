"""What is around a VM, for whoever looks closer than an ask may: it costs more reads."""
