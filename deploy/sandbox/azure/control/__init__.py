"""The ``/_…`` endpoints: what people and tests do to Azure, and what they see of it."""
