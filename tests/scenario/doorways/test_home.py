"""App Home on the running system: it is published when opened, acts, and follows what happens."""

from tests.scenario.scene import NADIA, OLIVIA, Scene, eventually


async def test_home_shows_what_waits_and_follows_the_answer_given_in_it(scene: Scene) -> None:
    asked = await scene.ask("colin")
    opened = await scene.slack.post("/_act/home", user="olivia", wait_view_ms=5000)
    view = opened["view"]
    assert asked.vm in str(view["blocks"])
    buttons = [one for block in view["blocks"] if block["type"] == "actions" for one in block["elements"]]
    confirm = next(one for one in buttons if one["accessibility_label"].endswith(f"start of {asked.vm}"))
    await scene.slack.post(
        "/_act/view-action",
        user="olivia",
        view_id=view["id"],
        action_id=confirm["action_id"],
        value=confirm["value"],
        confirmed=True,
    )
    await scene.until_shown(asked.channel, "the answer", "Confirmed by *olivia*")

    async def gone() -> bool:
        home = (await scene.slack.get("/_state"))["homes"][OLIVIA]
        return f"start of {asked.vm}" not in str(home["blocks"])

    await eventually("Home to show that it is answered", gone)


async def test_on_call_sees_the_rest(scene: Scene) -> None:
    asked = await scene.ask("colin")
    opened = await scene.slack.post("/_act/home", user="nadia", wait_view_ms=5000)
    text = str(opened["view"]["blocks"])
    for words in (asked.vm, "On call", "Open questions", "Startgate is well", "/vm-lockdown"):
        assert words in text
    sams = await scene.slack.post("/_act/home", user="sam", wait_view_ms=5000)
    assert asked.vm not in str(sams["view"]["blocks"])
    assert (await scene.slack.get("/_state", user=NADIA))["app"]["has_home"]
