"""A Service Bus namespace on loopback: AMQP 1.0 for the Azure client, HTTP for tests and the demo page."""
