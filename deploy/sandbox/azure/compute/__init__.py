"""Microsoft.Compute and Microsoft.ClassicCompute: machines, disks, snapshots."""
