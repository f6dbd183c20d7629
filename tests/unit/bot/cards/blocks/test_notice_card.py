"""The message about dead letters: how many, why, and what to type."""

from bot.cards.blocks.message import Message
from bot.cards.blocks.oncall.notice_card import notice_card, policy_notice_card
from deploy.sandbox.slack.blockkit import check_blocks
from deploy.sandbox.slack.team.mrkdwn import mentions_in_layout
from tests import builders as b
from workers.domain.asking.notices.dead_letters import MOST_COUNTED, DeadLetterNotice
from workers.domain.policy.notice import PolicyNotice

ONCALL = "<!subteam^S0ONCALL1>"


def shown(**changes: object) -> tuple[Message, str]:
    notice = DeadLetterNotice(number=1, at=b.NOW).changed(**changes)
    message = notice_card(notice, ONCALL)
    assert check_blocks(message.blocks, "message") == []
    return message, message.blocks[1]["text"]["text"]


def test_it_calls_on_call_with_count_reasons_and_the_command() -> None:
    counts = {"starts": {"NotJson": 1, "NoTime": 3}, "work": {"MaxDeliveryCountExceeded": 1}}
    message, text = shown(fresh=2, counts=counts)
    assert [m["id"] for m in mentions_in_layout(message.blocks, "")] == ["S0ONCALL1"]
    assert message.text == "2 messages put aside"
    assert "*2 messages* could not be handled and were put aside" in text
    assert "\u2022 `starts`: NoTime 3, NotJson 1" in text
    assert "In the dead letters now: 5." in text
    assert "`startgate dlq list`" in text


def test_one_is_one() -> None:
    message, text = shown(fresh=1, counts={"starts": {"NoTime": 1}})
    assert message.text == "1 message put aside"
    assert "*1 message* could not be handled and was put aside" in text


def test_a_hostile_reason_is_no_mark_up_and_many_reasons_are_cut() -> None:
    reasons = {"<!channel> *x*": 1} | {f"Reason{n:02}": 1 for n in range(20)}
    message, text = shown(fresh=21, counts={"starts": reasons})
    assert [m["id"] for m in mentions_in_layout(message.blocks, "")] == ["S0ONCALL1"]
    assert "*x*" not in text
    assert "and 13 more reasons" in text


def test_what_was_not_counted_to_its_end_is_at_least_so_many() -> None:
    _, text = shown(
        fresh=1, counts={"starts": {"NoTime": MOST_COUNTED}}, known={"starts": tuple(range(MOST_COUNTED))}
    )
    assert f"at least {MOST_COUNTED}." in text


def test_a_refused_policy_calls_on_call_with_the_findings_and_what_stays_in_force() -> None:
    lines = ["p.yaml: 60 errors", "p.yaml:4:1: <!here> is wrong", *(f"p.yaml:{n}:1: odd" for n in range(60))]
    notice = PolicyNotice(number=1, problem="\n".join(lines), in_force="abcdef012345" + "0" * 52)
    message = policy_notice_card(notice, ONCALL)
    assert check_blocks(message.blocks, "message") == []
    assert [m["id"] for m in mentions_in_layout(message.blocks, "")] == ["S0ONCALL1"]
    text = message.blocks[1]["text"]["text"]
    assert "`abcdef012345`, stays in force" in text
    assert "is wrong" in text
    assert "<!here>" not in text
    assert "and 52 more lines" in text
    assert "`startgate policy check FILE`" in text


def test_a_policy_that_is_good_again_calls_nobody() -> None:
    message = policy_notice_card(PolicyNotice(number=2, in_force="abcdef012345" + "0" * 52), ONCALL)
    assert check_blocks(message.blocks, "message") == []
    assert not list(mentions_in_layout(message.blocks, ""))
    assert "Policy `abcdef012345` is in force" in message.blocks[1]["text"]["text"]
