"""After which times the service ends what nobody uses. Seconds; tests and chaos set them short.

Sources: (1) https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot
(2) https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
"""

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, PositiveFloat


class Limits(BaseModel):
    """The times in force.

    Attributes:
        link_idle_s: a link without transfer, flow or settlement is detached (1): ten minutes, whatever the
            connection's keep-alive says (azure-sdk-for-python issue 10127), ``$management`` included:
            its timer has a name of its own, ``AmqpControlProtocolClient`` (azure-service-bus-java issue 75).
        links_gone_s: a connection all of whose links are gone is closed (1): five minutes, as
            azure-sdk-for-java issue 25787 and node-amqp10 issue 139 saw it too.
        links_first_s: a connection on which no link was ever made is closed (1): one minute.
        token_within_s: a connection without a valid token is dropped (2): 20 seconds.
        connection_idle_s: a connection on which no byte came is closed (AMQP 1.0, part 2, section 2.4.5).
        flow_every_s: how often each session is sent a flow that asks for an echo (AMQP 1.0, part 2, section
            2.7.4). The service's own period is not documented; 0 sends none.
    """

    model_config = ConfigDict(extra="forbid")

    link_idle_s: PositiveFloat = 600
    links_gone_s: PositiveFloat = 300
    links_first_s: PositiveFloat = 60
    token_within_s: PositiveFloat = 20
    connection_idle_s: PositiveFloat = 240
    flow_every_s: NonNegativeFloat = 60
