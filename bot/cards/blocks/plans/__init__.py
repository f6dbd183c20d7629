"""What a containment or a restore will do, as it is shown beforehand."""
