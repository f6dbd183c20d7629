"""Microsoft.Security: Defender for Cloud's plans, just-in-time access, alerts and recommendations."""
