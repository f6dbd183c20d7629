"""A policy from its YAML text: every error at once, each with line, column and remedy."""

from pydantic import ValidationError

from workers.domain.errors import Finding, InvalidPolicy
from workers.domain.policy.model import Contain, Policy
from workers.domain.policy.reading.findings import rule_findings
from workers.domain.policy.reading.warnings import owner_warnings, rule_warnings
from workers.domain.starts.signals.table import unknown_signal
from workers.domain.yaml_file import Place, Where, dotted, flaws, read_yaml


def load_policy(text: str, *, path: str = "policy", conditions: bool = True) -> Policy:
    """Read and check a whole policy.

    Args:
        text: the YAML.
        path: its name, for messages.
        conditions: whether to check the rules' expressions, too, which loads the CEL runtime.

    Raises:
        InvalidPolicy: with every finding, in the order of the file.
    """
    written = read_yaml(text, path, invalid=InvalidPolicy, begin_with="Start with owner: and oncall:")
    places, findings = written.places, written.findings
    findings.extend(rule_findings(written.root, text, conditions=conditions))
    try:
        # Profiles, too, which are stored elsewhere.
        policy = Policy.model_validate(written.data, extra="forbid")
    except ValidationError as error:
        findings.extend(flaws(error, places, Policy))
        raise InvalidPolicy(findings, path=path) from None
    findings.extend(_dangling(policy, places))
    findings.extend(_backwards(policy, places))
    findings.extend(_weights(policy, places))
    if findings:
        raise InvalidPolicy(findings, path=path)
    return policy


def policy_warnings(policy: Policy, text: str, *, path: str = "policy") -> list[Finding]:
    """What is valid in a policy and probably not meant, in the order of the file.

    Args:
        policy: the one that ``load_policy`` made of this text.
        text: the YAML.
        path: its name, for messages.
    """
    places = read_yaml(text, path, invalid=InvalidPolicy, begin_with="").places
    found = [*owner_warnings(policy.owner, places), *rule_warnings(policy.rules, places)]
    return sorted(found, key=lambda one: (one.line, one.column))


def _dangling(policy: Policy, places: dict[Where, Place]) -> list[Finding]:
    named: list[tuple[Where, str]] = [(("defaults", "lockdown"), policy.defaults.lockdown)]
    named += [
        (("rules", n, "lockdown"), rule.lockdown) for n, rule in enumerate(policy.rules) if rule.lockdown
    ]
    settings = [
        (("defaults",), policy.defaults),
        *((("rules", n), rule) for n, rule in enumerate(policy.rules)),
    ]
    for where, given in settings:
        for name in ("on_silence", "on_undelivered"):
            if isinstance(word := getattr(given, name), Contain):
                named.append(((*where, name), word.contain))
    findings = []
    for where, wanted in named:
        if policy.has_profile(wanted):
            continue
        place = places.get(where, places.get(("lockdowns",), Place(1, 1)))
        findings.append(
            Finding(
                line=place.line,
                column=place.column,
                where=dotted(where),
                problem=f"no lockdown profile is named {wanted!r}",
                remedy=f"Name one of {', '.join(policy.lockdowns) or 'the profiles under lockdowns:'}.",
            )
        )
    return findings


def _backwards(policy: Policy, places: dict[Where, Place]) -> list[Finding]:
    findings = []
    for n, rule in enumerate(policy.rules):
        try:
            policy.defaults.but(rule)
        except ValidationError:
            place = places[("rules", n)]
            findings.append(
                Finding(
                    line=place.line,
                    column=place.column,
                    where=dotted(("rules", n)),
                    problem="with what the defaults say, its deadlines go backwards in time",
                    remedy="Give the later ones, too: remind_after, escalate_after, expire_after.",
                )
            )
    return findings


def _weights(policy: Policy, places: dict[Where, Place]) -> list[Finding]:
    findings = []
    for signal_id in policy.risk.weights:
        if remedy := unknown_signal(signal_id):
            place = places[("risk", "weights", signal_id)]
            findings.append(
                Finding(
                    line=place.line,
                    column=place.column,
                    where=dotted(("risk", "weights", signal_id)),
                    problem="no such signal",
                    remedy=remedy,
                )
            )
    return findings
