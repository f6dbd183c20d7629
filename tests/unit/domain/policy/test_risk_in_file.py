"""The section ``risk`` of a policy file: weights, thresholds, hours and addresses."""

import pytest

from tests.unit.domain.policy.reading import ONCALL, only
from workers.domain.policy.reading.file import load_policy
from workers.domain.starts.risk_settings import RiskSettings, Weekday


class TestRisk:
    def test_without_a_section_the_usual_weights_hold(self) -> None:
        assert load_policy(ONCALL).risk == RiskSettings()

    def test_everything_about_risk_is_read(self) -> None:
        risk = load_policy(
            f"""{ONCALL}risk:
  medium: 20
  high: 50
  weights: {{no-mfa: 0, not-owner: 40}}
  hours: {{days: [mon, sat], begin: '22:00', end: '06:00', zone: Europe/Berlin}}
  trusted: [10.0.0.7/8, '2001:db8::/32']
  doubted: [192.0.2.66]
  quiet_days: 10
  many_vms: 3
  many_minutes: 5
  rejected_hours: 48
  failed_starts: 2
  failed_minutes: 30
  enough_starts: 4
"""
        ).risk
        assert (risk.medium, risk.high, risk.weights) == (20, 50, {"no-mfa": 0, "not-owner": 40})
        assert (risk.trusted, risk.doubted) == (("10.0.0.0/8", "2001:db8::/32"), ("192.0.2.66/32",))
        assert risk.hours is not None
        assert risk.hours.days == (Weekday.MON, Weekday.SAT)

    @pytest.mark.parametrize(
        ("section", "problem"),
        [
            ("medium: 61", "high begins below medium"),
            ("weights: {no_mfa: 1}", "no such signal. Did you mean no-mfa?"),
            ("weights: {no-mfa: -1}", "greater than or equal to 0"),
            ("trusted: [10.0.0.0/33]", "is not a range of addresses"),
            ("doubted: [office]", "is not a range of addresses"),
            ("hours: {begin: '7:00', end: '19:00'}", "write a time of day as '07:30'"),
            ("hours: {begin: '07:00', end: '07:00'}", "begin and end are the same"),
            ("hours: {begin: '07:00', end: '19:00', zone: Mars/Base}", "is no time zone"),
            ("hours: {begin: '07:00', end: '19:00', zone: ../etc/passwd}", "is no time zone"),
            ("hours: {begin: '07:00', end: '19:00', days: [monday]}", "'monday' is not one of"),
            ("hours: {begin: '07:00', end: '19:00', days: []}", "no day has usual hours"),
            ("many_vms: 1", "greater than or equal to 2"),
            ("lows: 1", "no such setting"),
        ],
    )
    def test_each_flaw_is_told_with_its_place(self, section: str, problem: str) -> None:
        finding = only(f"{ONCALL}risk:\n  {section}\n")
        assert problem in str(finding)
        assert finding.line >= 2
