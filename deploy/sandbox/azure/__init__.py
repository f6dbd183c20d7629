"""Azure Resource Manager as far as Startgate needs it: HTTP on loopback, for the unmodified SDK clients.

It refuses what Azure refuses (a stale entity tag, a rule that conflicts, a locked scope, a busy machine),
takes as long as Azure takes unless it is told to hurry, and reports each start on a queue as Event Grid does.

Where no source was found, it follows the service's style: the words of some error codes (in ``protection``,
``network`` and ``rules``), and all of the classic model (``classic``). It does not know: permissions (the one
token may do everything), quotas, billing, what runs inside a machine, and any packet.
"""
