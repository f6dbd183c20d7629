"""The rules of Startgate: no I/O, no SDK. Everything here can be read and tested with Python alone."""
