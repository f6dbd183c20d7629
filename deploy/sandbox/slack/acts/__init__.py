"""What a person can do in Slack's client, with what the client itself checks before the app hears of it."""
