"""What operators use: the commands of ``startgate`` beside ``workers``, one file a group of them."""
