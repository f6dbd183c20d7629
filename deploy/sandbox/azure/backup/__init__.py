"""Microsoft.RecoveryServices: vaults, protected items, jobs."""
