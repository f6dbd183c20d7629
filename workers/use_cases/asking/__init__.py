"""The life of a question: asked, answered, expired, withdrawn."""
