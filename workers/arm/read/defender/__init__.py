"""What Defender for Cloud knows: plans for servers, just-in-time policies, alerts and recommendations."""

from workers.arm.read.defender.plans import ServersPlan, vm_plan

__all__ = ["ServersPlan", "vm_plan"]
