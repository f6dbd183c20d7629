"""A Slack to stand in for the real one: slack-bolt and slack-sdk talk to it unmodified, over real sockets.

It holds a workspace (people, channels, messages, dialogs), refuses what Slack would refuse, and lets
tests, stories and a web page act as any person. Nothing here is a mock of the SDK: every byte goes over
loopback.

Where to look: ``server`` wires it. ``api`` answers the app, ``blockkit`` judges its layouts, ``team`` is what
there is, ``delivery`` carries what people do to the app, ``acts`` and ``control`` are the people.
"""
