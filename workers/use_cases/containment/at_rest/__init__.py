"""What is looked at while a containment rests: jobs that go on, requests and isolations that run out."""
