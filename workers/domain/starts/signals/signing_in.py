"""How the caller signed in, from where, and with what."""

from workers.domain.starts.addresses import network_of, range_of, read_address
from workers.domain.starts.known_clients import NAMES
from workers.domain.starts.signals.signal import (
    Fine,
    Found,
    Seen,
    Sight,
    SignalSpec,
    Threat,
    Unseen,
    address,
    counted,
    is_person,
    said,
)

_ROAMING = 0.5
"""Who was in a new network on more than half of their days is in new networks by habit."""


def _no_mfa(sight: Sight) -> Seen:
    if not is_person(sight):
        return None  # only people have a second factor
    if sight.event.caller.mfa is None:
        return Unseen("whether a second factor was used", readable=False)
    if sight.event.caller.mfa:
        return Fine("signed in with MFA")
    return Found(f"{said(sight.event.caller.label)} signed in without a second factor (MFA)")


def _elsewhere(sight: Sight) -> Seen:
    caller = sight.event.caller
    if not caller.ip or not caller.signin_ip:
        return None  # most events tell one of them
    if not caller.elsewhere:
        return Fine("the request came from the address of the sign-in")
    network = network_of(caller.ip)
    if network and network == network_of(caller.signin_ip):
        return Fine(f"request and sign-in came from one network ({network})")
    return Found(
        f"the request came from {address(caller.ip)}, but the sign-in from {address(caller.signin_ip)}: "
        "the token may be in other hands"
    )


def _new_address(sight: Sight) -> Seen:
    if not is_person(sight) or not network_of(sight.event.caller.ip):
        return None  # applications run on addresses that change
    past = sight.history
    if past is None:
        return Unseen("the caller's earlier addresses")
    if past.caller_starts < sight.settings.enough_starts or not past.networks:
        return None
    days = counted(past.caller_days, "day")
    if past.network_days:
        return Fine(f"the caller used this network on {past.network_days} of {days}")
    if past.networks_count > 1 and past.networks_count > past.caller_days * _ROAMING:
        return Fine(f"the caller's network is new, as on many days ({past.networks_count} networks)")
    usual = past.networks[0]
    return Found(
        f"started from {address(sight.event.caller.ip)}; this account has used {usual.what} on "
        f"{usual.days} of {days}, and never this network"
    )


def _doubted(sight: Sight) -> Seen:
    ranges = sight.settings.doubted
    if not ranges:
        return None
    if read_address(sight.event.caller.ip) is None:
        return Unseen("the caller's address", readable=False)
    if doubted := range_of(sight.event.caller.ip, ranges):
        return Found(f"started from {address(sight.event.caller.ip)}, in {doubted}, which the policy doubts")
    return Fine("the caller's address is in no range that the policy doubts")


def _untrusted(sight: Sight) -> Seen:
    ranges = sight.settings.trusted
    if not ranges:
        return None
    if read_address(sight.event.caller.ip) is None:
        return Unseen("the caller's address", readable=False)
    if trusted := range_of(sight.event.caller.ip, ranges):
        return Fine(f"started from {trusted}, which the policy trusts")
    return Found(f"started from {address(sight.event.caller.ip)}, outside every range that the policy trusts")


def _unknown_client(sight: Sight) -> Seen:
    app_id = sight.event.caller.app_id.lower()
    if not is_person(sight) or not app_id:
        return None  # a service principal is its own client
    if known := sight.event.caller.known_client:
        return Fine(f"the client is {known}")
    past = sight.history
    if past is None:
        return Unseen("the caller's earlier clients")
    if past.client_days:
        return Fine(f"the caller used this client on {counted(past.client_days, 'day')} before")
    client = said(sight.event.caller.app_id)
    if not past.clients:
        return Found(f"started with the unknown client {client}")
    usual = past.clients[0]
    habit = f"{said(NAMES.get(usual.what, usual.what))} on {usual.days} of {counted(past.caller_days, 'day')}"
    return Found(f"started with the unknown client {client}; this account has used {habit}")


SIGNALS = (
    SignalSpec("no-mfa", Threat.UNAUTHORIZED, 20, _no_mfa),
    SignalSpec("signin-elsewhere", Threat.MALICIOUS, 25, _elsewhere),
    SignalSpec("new-address", Threat.MALICIOUS, 20, _new_address),
    SignalSpec("doubted-address", Threat.MALICIOUS, 35, _doubted),
    SignalSpec("untrusted-address", Threat.MALICIOUS, 20, _untrusted),
    SignalSpec("unknown-client", Threat.MALICIOUS, 15, _unknown_client),
)
