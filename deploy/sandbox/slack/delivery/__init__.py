"""How what people do reaches the app: the payloads, over a socket or as signed requests, and forged ones."""
