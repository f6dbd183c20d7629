"""Azure Resource Manager as far as Startgate needs it, over HTTP on loopback, for the unmodified SDK clients."""
