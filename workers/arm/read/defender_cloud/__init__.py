"""What Defender for Cloud knows: plans for servers, just-in-time policies, alerts and recommendations."""
