"""The side door for tests, stories and the web page: acts, orders, switches and a look inside."""
