"""Who rejects a start sees which roles stay, and what removes each."""

from bot.answers.deciding import reject_blocks
from bot.cards.blocks.plans.rights_left import rights_left
from tests import builders as b
from workers.domain.containment.grants import Grant

COMMAND = (
    "az role assignment delete --ids /subscriptions/x/providers/Microsoft.Authorization/roleAssignments/y"
)


def test_each_role_is_shown_with_its_command_as_code() -> None:
    plan = b.plan(grants=(Grant(text="Owner on the subscription: could start", command=COMMAND),))
    said = str(reject_blocks.plan_dialog(b.approval(plan=plan)))
    assert "*Roles that stay.* Startgate removes none of them" in said
    assert f"`{COMMAND}`" in said


def test_what_is_hostile_is_escaped_and_no_command_means_no_code() -> None:
    (block,) = rights_left(b.plan(grants=(Grant(text="<!channel> `x`"),)))
    text = block["text"]["text"]
    assert "<!channel>" not in text
    assert "`" not in text.partition(":")[2].replace("`x`", "")


def test_of_many_some_are_shown_and_the_rest_counted() -> None:
    many = tuple(Grant(text=f"role {n}", command=COMMAND) for n in range(9))
    (block,) = rights_left(b.plan(grants=many))
    assert "role 3" in block["text"]["text"]
    assert "role 4" not in block["text"]["text"]
    assert "5 more" in block["text"]["text"]
    assert len(block["text"]["text"]) < 3000


def test_nothing_is_shown_where_nothing_is_known() -> None:
    assert rights_left(b.plan()) == []


def test_what_stands_in_the_way_is_said_first_and_escaped() -> None:
    plan = b.plan(obstacles=("the read-only lock <!here> on the resource group rg is not ours",))
    said = str(reject_blocks.plan_dialog(b.approval(plan=plan)))
    assert "*This will stop it:*" in said
    assert "<!here>" not in said
    assert said.index("This will stop it") < said.index("*1. Isolate:*")
