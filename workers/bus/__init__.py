"""Service Bus: receive, settle, nudge. The bus carries nudges; the truth is in the store."""
