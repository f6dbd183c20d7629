"""A question's life: it is asked, and then answered, expired or withdrawn."""
