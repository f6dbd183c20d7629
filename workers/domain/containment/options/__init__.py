"""What a lockdown profile may say about single steps."""
