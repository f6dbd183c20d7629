"""PagerDuty's Events API v2, and a webhook's receiver as its documentation asks for it."""
