"""``startgate``: the operator's command line. Each group of commands has its file in ``operator``."""

import typer

from workers.operator import audit, dlq
from workers.operator.archive import command as archive
from workers.operator.azure import alerts, defender, vm
from workers.operator.azure.drill import drill
from workers.operator.azure.plan import plan
from workers.operator.azure.recommendations import recommendations
from workers.operator.canary import canary
from workers.operator.desk.approving import access
from workers.operator.desk.deciding import decide
from workers.operator.desk.ordering import lockdown, restore
from workers.operator.desk.reading import approvals, status
from workers.operator.doctor import doctor
from workers.operator.evidence import evidence
from workers.operator.expect import expect
from workers.operator.forget import forget
from workers.operator.pause import pause, resume
from workers.operator.policy_file import command as policy
from workers.runtime.version import Version

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The chat-ops guard for Azure VMs: run the workers, check what they need, read the audit.",
)


@app.callback()
def startgate(*, version: Version = False) -> None:
    """Options of the whole command line."""


WAITING = "When something waits, or has to stop"
LOOKING = "Look at VMs in Azure"
PROVING = "Show what was done"
OPERATING = "Set up and operate"
"""Groups of the help, by what somebody wants to do."""

app.command("approvals", rich_help_panel=WAITING)(approvals)
app.command("status", rich_help_panel=WAITING)(status)
app.command("decide", rich_help_panel=WAITING)(decide)
app.command("lockdown", rich_help_panel=WAITING)(lockdown)
app.command("restore", rich_help_panel=WAITING)(restore)
app.command("access", rich_help_panel=WAITING)(access)
app.command("expect", rich_help_panel=WAITING)(expect)
app.command("pause", rich_help_panel=WAITING)(pause)
app.command("resume", rich_help_panel=WAITING)(resume)
app.command("plan", rich_help_panel=LOOKING)(plan)
app.command("drill", rich_help_panel=LOOKING)(drill)
app.command("recommendations", rich_help_panel=LOOKING)(recommendations)
app.add_typer(vm.app, name="vm", rich_help_panel=LOOKING)
app.add_typer(defender.app, name="defender", rich_help_panel=LOOKING)
app.add_typer(alerts.app, name="alerts", rich_help_panel=LOOKING)
app.add_typer(audit.app, name="audit", rich_help_panel=PROVING)
app.add_typer(archive.app, name="archive", rich_help_panel=PROVING)
app.command("evidence", rich_help_panel=PROVING)(evidence)
app.command("doctor", rich_help_panel=OPERATING)(doctor)
app.command("canary", rich_help_panel=OPERATING)(canary)
app.add_typer(policy.app, name="policy", rich_help_panel=OPERATING)
app.add_typer(dlq.app, name="dlq", rich_help_panel=OPERATING)
app.command("forget", rich_help_panel=OPERATING)(forget)
