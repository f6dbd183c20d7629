"""Microsoft Entra ID, as far as an operator's sign-in needs it, and an ``az`` that asks it."""
