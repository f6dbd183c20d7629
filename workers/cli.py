"""``startgate``: the operator's command line. Each group of commands has its file in ``operator``."""

import typer

from workers.operator import audit, dlq
from workers.operator.archive import command as archive
from workers.operator.azure import alerts, defender, vm
from workers.operator.azure.drill import drill
from workers.operator.azure.plan import plan
from workers.operator.azure.recommendations import recommendations
from workers.operator.canary import canary
from workers.operator.desk.deciding import decide
from workers.operator.desk.ordering import lockdown, restore
from workers.operator.desk.reading import approvals, status
from workers.operator.doctor import doctor
from workers.operator.evidence.command import evidence
from workers.operator.expect import expect
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


app.add_typer(policy.app, name="policy")
app.add_typer(audit.app, name="audit")
app.add_typer(archive.app, name="archive")
app.add_typer(dlq.app, name="dlq")
app.add_typer(defender.app, name="defender")
app.add_typer(alerts.app, name="alerts")
app.add_typer(vm.app, name="vm")
app.command("doctor")(doctor)
app.command("canary")(canary)
app.command("plan")(plan)
app.command("recommendations")(recommendations)
app.command("drill")(drill)
app.command("pause")(pause)
app.command("resume")(resume)
app.command("evidence")(evidence)
app.command("expect")(expect)
app.command("approvals")(approvals)
app.command("status")(status)
app.command("decide")(decide)
app.command("lockdown")(lockdown)
app.command("restore")(restore)
