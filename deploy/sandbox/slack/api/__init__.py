"""The Web API as the app calls it: who may call what and how often, what is refused, what is posted."""
