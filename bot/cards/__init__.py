"""What people are shown, and how every copy of it is kept up to date."""
